"""What minima say of a law of compute: shapes by weight, and the mixture that is its forecast."""

from dataclasses import dataclass

import numpy as np

from analysis.engine.student import Mixture
from analysis.frontier.curve import Law, basis

PRIOR = 3.0  # degrees of freedom that expect minima to scatter as their runs say
MISFIT = 1e-3  # chance below which a law is said not to fit


@dataclass(frozen=True)
class Posterior:
    """What the minima say of a law: S shapes by weight, level and slope of each.

    theta (S, 2), covariance (S, 2, 2); `extra` is the variance of log loss by which minima scatter
    beyond their errors, and `any_own` the chance that they do; chi2 of the best shape over `spare`,
    and the chance of so large a one.
    """

    law: Law
    last: float  # log compute
    weight: np.ndarray
    shape: np.ndarray
    theta: np.ndarray
    covariance: np.ndarray
    df: float
    extra: float
    any_own: float
    chi2: float
    spare: int
    chance: float

    def with_own(self, df: float, variance: np.ndarray | float) -> np.ndarray | float:
        """Degrees of freedom of `variance`, known with df, and `extra` together (Satterthwaite)."""
        share = self.extra / (self.extra + variance)
        return 1 / ((1 - share) ** 2 / df + share**2 / (max(self.spare, 0) + PRIOR))

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

    def draws(
        self, count: int, log_reference: float, rng: np.random.Generator
    ) -> dict[str, np.ndarray]:
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
