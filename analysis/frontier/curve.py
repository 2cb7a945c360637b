"""Laws of the best loss against compute, each linear in two numbers once its shape is given.

Counted from the largest budget, u = log C - log C_last, every law says

    y = level - slope (1 - exp(-k u)) / k,     k = 0: y = level - slope u

power      y = log L, k = 0: L = A C^-g. `local` is the same through the last LOCAL budgets.
curved     y = log L, k of either sign: the local exponent changes by exp(-k) a step of one in
           log C. Above zero it dies out as towards a floor, below it grows: no floor by decree
frontier   y = L, k = g: L = E + A C^-g with E, A >= 0 (2010.14701)

Shapes k are not chosen but weighed: by the likelihood of the minima, Student's as their noise was
measured, times a prior; given k, level and slope are those of generalised least squares. What a law
says is the mixture. Where the minima scatter about a law by more than their errors, a variance is
added to each (Paule and Mandel, J. Res. NBS 87, 1982), so that a law that does not fit says little.
"""

from dataclasses import dataclass

import numpy as np

from analysis.engine.student import Mixture

LOCAL = 3
SHAPES, ZOOMS = 48, 3  # looked at, and closer looks about those that count
SEEN = 18.0  # log weight below the best at which a shape stops counting
CURVED = 0.15  # standard deviation of the prior of k, per step of one in log compute
POWERS = -0.6, 0.9  # k of curved laws
EXPONENTS = 0.004, 4.0  # g of the law with a floor, even in logs
MISFIT = 1e-3  # chance below which a law is said not to fit


@dataclass(frozen=True)
class Law:
    """`logged`: whether y is log L; `shapes`: the ends of k, None where it is zero."""

    name: str
    logged: bool = True
    shapes: tuple[float, float] | None = None
    last: int | None = None  # budgets it is fitted to, from the largest down

    @property
    def parameters(self) -> int:
        """Numbers that the minima must tell."""
        return 2 + (self.shapes is not None)

    def grid(self, low: float, high: float) -> np.ndarray:
        """SHAPES shapes, even as the prior is."""
        return (np.linspace if self.logged else np.geomspace)(low, high, SHAPES)

    def log_prior(self, shape: np.ndarray) -> np.ndarray:
        """Log density of shapes on the law's own grid, but for a constant."""
        return -0.5 * (shape / CURVED) ** 2 if self.logged else np.zeros(len(shape))


LAWS = {
    law.name: law
    for law in (
        Law("frontier", logged=False, shapes=EXPONENTS),
        Law("power"),
        Law("local", last=LOCAL),
        Law("curved", shapes=POWERS),
    )
}


def reference(log_c: np.ndarray) -> float:
    """The compute at which A is counted: the geometric mean."""
    return float(np.exp(np.mean(log_c)))


def basis(shape: np.ndarray, u: np.ndarray) -> np.ndarray:
    """(S, M, 2): what level and slope are multiplied by at u (M,) for shapes (S,)."""
    k = np.asarray(shape, float)[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        bent = np.where(k == 0, -u, np.expm1(-k * u) / k)
    return np.stack([np.ones_like(bent), bent], axis=2)


@dataclass(frozen=True)
class Posterior:
    """What the minima say of a law: S shapes by weight, level and slope of each.

    theta (S, 2), covariance (S, 2, 2); `extra` is the variance of log loss by which minima scatter
    beyond their errors; chi2 of the best shape over `spare`, and the chance of so large a one.
    """

    law: Law
    last: float  # log compute
    weight: np.ndarray
    shape: np.ndarray
    theta: np.ndarray
    covariance: np.ndarray
    df: float
    extra: float
    chi2: float
    spare: int
    chance: float

    @property
    def fits(self) -> bool:
        """False where the minima speak against the law whatever its parameters."""
        return self.chance >= MISFIT

    def value(self, log_c: np.ndarray, at: int = 0) -> np.ndarray:
        """Log loss (M,) at log compute, of one shape: the best."""
        y = basis(self.shape[[at]], np.atleast_1d(log_c) - self.last)[0] @ self.theta[at]
        return y if self.law.logged else np.log(np.maximum(y, 1e-300))

    def at(self, log_c: float, variance: float = 0.0) -> Mixture:
        """Of log loss at log compute: the law's, or of a minimum whose log has that `variance`.

        A minimum to come scatters by `extra`, too.
        """
        found = self._contrast(np.array([log_c]), np.ones(1))
        if not variance:
            return found
        scale = np.sqrt(found.scale**2 + variance + self.extra)
        return Mixture(found.weight, found.mean, scale, found.df)

    def fall(self, low: float, high: float) -> Mixture:
        """Of log loss at log compute `low` over that at `high`."""
        return self._contrast(np.array([low, high]), np.array([1.0, -1.0]))

    def _contrast(self, log_c, signs):
        """Of the signed sum of log losses at log_c (M,)."""
        rows = basis(self.shape, log_c - self.last)  # (S, M, 2)
        y = np.einsum("smt,st->sm", rows, self.theta)
        if not self.law.logged:
            y = np.maximum(y, 1e-9 * np.abs(self.theta[:, :1]))
            rows, y = rows / y[:, :, None], np.log(y)
        slope = np.einsum("smt,m->st", rows, signs)
        scale = np.sqrt(np.einsum("st,stu,su->s", slope, self.covariance, slope))
        return Mixture(
            self.weight, y @ signs, np.maximum(scale, 1e-12), np.full(len(scale), self.df)
        )

    def parameters(self, log_reference: float, at: int = 0) -> dict[str, float]:
        """E, A at the reference compute and g of one shape; of `curved` k beside the exponent."""
        return {n: float(v[0]) for n, v in self._named(self.theta[[at]], self.shape[[at]],
                                                       log_reference).items()}  # fmt: skip

    def draws(self, count: int, log_reference: float, rng: np.random.Generator) -> dict:
        """{name: (count,)} of the parameters."""
        at = rng.choice(len(self.weight), count, p=self.weight)
        root = np.linalg.cholesky(self.covariance + 1e-24 * np.eye(2))
        normal = (
            rng.standard_normal((count, 2))
            * np.sqrt(self.df / rng.chisquare(self.df, count))[:, None]
        )
        theta = self.theta[at] + np.einsum("ctu,cu->ct", root[at], normal)
        return self._named(theta, self.shape[at], log_reference)

    def _named(self, theta, shape, log_reference):
        level, slope = theta.T
        u = log_reference - self.last
        if not self.law.logged:
            slope = np.maximum(slope, 0.0)
            E = np.clip(level - slope / shape, 0.0, None)
            return {"E": E, "A": (level - E) * np.exp(-shape * u), "g": shape}
        there = np.einsum("smt,st->s", basis(shape, np.array([u])), theta)
        found = {"E": np.zeros(len(level)), "A": np.exp(there), "g": slope * np.exp(-shape * u)}
        return found if self.law.shapes is None else found | {"k": shape}


def posterior(
    law: Law, log_c: np.ndarray, log_loss: np.ndarray, covariance: np.ndarray, df: float
) -> Posterior:
    """Weigh the law's shapes by minima at log compute (B,) with errors `covariance` (B, B).

    df: degrees of freedom with which the errors are known.
    """
    if law.last:
        log_c, log_loss = log_c[-law.last :], log_loss[-law.last :]
        covariance = covariance[-law.last :, -law.last :]
    spare = len(log_c) - law.parameters
    exact = _weigh(law, log_c, log_loss, covariance, df)
    chi2 = float(exact["rss"][0])
    extra = 0.0
    if chi2 > spare > 0:
        extra = _scatter(law, exact["shape"][:1], log_c, log_loss, covariance, spare)
        exact = _weigh(law, log_c, log_loss, covariance + extra * np.eye(len(log_c)), df)
    chance = _chance(chi2, spare, df)
    total = np.diag(covariance).mean() + extra
    share = extra / total
    known = 1 / ((1 - share) ** 2 / df + (share**2 / spare if extra else 0.0))
    parts = {name: exact[name] for name in ("weight", "shape", "theta", "covariance")}
    return Posterior(
        law, float(log_c[-1]), **parts, df=known, extra=extra, chi2=chi2, spare=spare, chance=chance
    )


def _chance(chi2, spare, df):
    from scipy import special

    return float(special.fdtrc(spare, df, chi2 / spare)) if spare > 0 else 1.0


def _scatter(law, shape, log_c, log_loss, covariance, spare):
    """The variance that makes chi2 about one shape what it should be (Paule and Mandel)."""
    from scipy import optimize

    def over(extra):
        more = covariance + extra * np.eye(len(log_c))
        return _given(law, shape, log_c, log_loss, more)["rss"][0] - spare

    return float(optimize.brentq(over, 0.0, len(log_c) * np.ptp(log_loss) ** 2, rtol=1e-3))


def _weigh(law, log_c, log_loss, covariance, df):
    """Shapes, the best first: weight, shape, theta, covariance and rss, each (S, ...)."""
    if law.shapes is None:
        found = _given(law, np.zeros(1), log_c, log_loss, covariance)
        return found | {"weight": np.ones(1)}
    low, high = law.shapes
    for _ in range(ZOOMS):
        grid = law.grid(low, high)
        found = _given(law, grid, log_c, log_loss, covariance)
        weight = _log_weight(law, grid, found, len(log_c), df)
        counts = np.flatnonzero(weight > weight.max() - SEEN)
        low, high = grid[max(counts[0] - 1, 0)], grid[min(counts[-1] + 1, len(grid) - 1)]
    best = _least(law, grid, found["rss"], log_c, log_loss, covariance)
    weight = np.exp(weight - weight.max())
    whole = {name: np.concatenate([best[name], found[name]]) for name in found}
    return whole | {"weight": np.append(0.0, weight / weight.sum())}


def _log_weight(law, grid, found, points, df):
    """Log of likelihood times prior, level and slope integrated out."""
    likely = -(df + points - 2) / 2 * np.log1p(found["rss"] / df)
    return likely + 0.5 * np.linalg.slogdet(found["covariance"])[1] + law.log_prior(grid)


def _least(law, grid, rss, log_c, log_loss, covariance):
    """The shape of the least squares, to the last digits: as `_given`, of one shape."""
    from scipy import optimize

    at = int(np.argmin(rss))
    ends = grid[max(at - 1, 0)], grid[min(at + 1, len(grid) - 1)]

    def cost(shape):
        return _given(law, np.array([shape]), log_c, log_loss, covariance)["rss"][0]

    found = optimize.minimize_scalar(cost, bounds=ends, method="bounded", options={"xatol": 1e-12})
    shape = found.x if found.fun < rss[at] else grid[at]
    return _given(law, np.array([shape]), log_c, log_loss, covariance)


def _given(law, shape, log_c, log_loss, covariance):
    """Generalised least squares of level and slope for each shape (S,)."""
    y, scale = (log_loss, 1.0) if law.logged else (np.exp(log_loss), np.exp(log_loss))
    root = np.linalg.cholesky(covariance * np.outer(scale, scale))
    u = log_c - log_c[-1]
    rows = np.linalg.solve(root, basis(shape, u))
    target = np.linalg.solve(root, y)
    information = rows.swapaxes(1, 2) @ rows
    inverse = np.linalg.inv(information)
    theta = np.einsum("stu,sbu,b->st", inverse, rows, target)
    if not law.logged:
        theta = _bounded(theta, shape, rows, target)
    rss = ((target - np.einsum("sbt,st->sb", rows, theta)) ** 2).sum(1)
    return {"shape": shape, "theta": theta, "covariance": inverse, "rss": rss}


def _bounded(theta, shape, rows, target):
    """Level and slope, with the slope and E = level - slope / g held at zero where below."""
    flat = np.stack([np.ones_like(shape), np.zeros_like(shape)], axis=1)
    alone = np.stack([np.ones_like(shape), shape], axis=1)  # slope = g level: no floor
    for direction, held in (
        (flat, theta[:, 1] < 0),
        (alone, (theta[:, 1] >= 0) & (theta[:, 0] < theta[:, 1] / shape)),
    ):
        one = np.einsum("sbt,st->sb", rows, direction)
        level = (one @ target) / (one**2).sum(1)
        theta = np.where(held[:, None], level[:, None] * direction, theta)
    return theta
