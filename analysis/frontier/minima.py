"""The frontier of a sweep: the lowest loss at each budget, how well it is known, its laws."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.engine import student
from analysis.frontier import curve, flags, isoflop
from analysis.frontier.curve import Posterior
from analysis.table import hygiene, schema
from vdit.errors import InputError

MIN_PARABOLAS = 3
LAWS = tuple(curve.LAWS)
DRAWS = 4000
UNKNOWN = 1e6  # degrees of freedom where there is no noise to be unsure of


@dataclass(frozen=True)
class Noise:
    """Spread of log loss between runs that differ by the seed alone, and where it is known from.

    `sd` in the middle of the budgets; it goes from `smallest` to `largest`. `misfit` is the chance
    of so much more scatter about the curves than between seeds, if the curves were right.
    """

    sd: float
    df: float
    smallest: float
    largest: float
    seeds_sd: float | None
    seeds_df: int
    scatter_sd: float | None
    scatter_df: int
    misfit: float | None


@dataclass(frozen=True)
class Minima:
    """Best loss and size at B budgets, by one estimator, and how well they are known.

    estimator is "parabola" (minimum of the budget's curve) or, where fewer than three budgets have
    one, "best_run". Covariances are of log loss and log size, in units of one run's variance where
    no noise could be measured. `off` counts the budgets whose minimum lies near an end of its sizes
    or is not known.
    """

    estimator: str
    budgets: list[isoflop.Budget]
    noise: Noise | None
    log_c: np.ndarray  # (B,)
    size: np.ndarray  # (B,)
    loss: np.ndarray  # (B,)
    run_covariance: np.ndarray  # (B, B) of log loss, as runs show it
    size_covariance: np.ndarray  # (B, B)
    df: np.ndarray  # (2, B) of the variances of log loss and log size
    off: int
    own: float = 0.0  # variance of log loss that budgets have of their own
    run_df: float = 1.0  # degrees of freedom of `run_covariance`

    @property
    def loss_covariance(self) -> np.ndarray:
        """(B, B) of log loss, with what budgets have of their own."""
        return self.run_covariance + self.own * np.eye(len(self.log_c))

    @property
    def loss_sd(self) -> np.ndarray:
        """Relative error of each loss (B,)."""
        return np.sqrt(np.diag(self.loss_covariance))

    def first(self, count: int) -> "Minima":
        """The minima of the first `count` budgets."""
        return Minima(
            self.estimator,
            self.budgets[:count],
            self.noise,
            self.log_c[:count],
            self.size[:count],
            self.loss[:count],
            self.run_covariance[:count, :count],
            self.size_covariance[:count, :count],
            self.df[:, :count],
            self.off,
            self.own,
            self.run_df,
        )


def select(
    table: pd.DataFrame, loss: str, size: str, name: str = "table"
) -> tuple[pd.DataFrame, list[str]]:
    """Rows that may enter a fit and a list of what was left out; InputError if none or mixed."""
    notes = []
    for column in (loss, size):
        schema.require_number(table, column, name)
    rows = table[table["flops_budget"] > 0]
    if len(rows) < len(table):
        notes.append(f"{len(table) - len(rows)} rows without a compute budget left out")
    ended = hygiene.annealed(rows)
    if not ended.all():
        notes.append(f"{int((~ended).sum())} rows whose schedule had not ended left out")
        rows = rows[ended]
    if rows.empty:
        raise InputError(f"{name}: no row with a flops_budget above 0 and an ended schedule")
    schema.comparable(rows, name)
    return rows, notes


def measure(table: pd.DataFrame, loss: str, size: str) -> tuple[list[isoflop.Budget], Minima]:
    """Fit the isoFLOP curves and return (all budgets, Minima) of the selected rows."""
    curves = isoflop.fit_budgets(table, loss, size)
    seeds = _seeds(table, loss, size)
    fitted = [budget for budget in curves.budgets if budget.fitted]
    if len(fitted) < min(MIN_PARABOLAS, len(curves.budgets)):
        return curves.budgets, _best_runs(curves, seeds)
    return curves.budgets, _of_curves(curves, fitted, _noise(curves, seeds))


def _of_curves(curves, used, noise):
    size, loss = np.array([budget.minimum for budget in used]).T
    of_loss, of_size = curves.jacobians()
    found = curves.regression
    covariances = [rows @ found.covariance @ rows.T for rows in (of_loss, of_size)]
    df = np.stack([found.freedom(rows) for rows in (of_loss, of_size)])
    off = sum(not budget.fitted or flags.off_centre(budget) for budget in curves.budgets)
    known = float(np.median(df[0]))
    found = Minima(
        "parabola", used, noise, curves.log_c, size, loss, *covariances, df, off, run_df=known
    )
    return found if noise is None else _scattered(found)


def _scattered(found):
    """The minima with the error that budgets have of their own: of their scatter about a curve.

    What all runs of a budget share no run of it shows. The curve is `curve.curved`, the most
    flexible law of compute; with three budgets it passes through all of them and tells nothing.
    """
    if len(found.log_c) <= curve.LAWS["curved"].parameters:
        return found
    law = posterior("curved", found)
    share = law.extra / (law.extra + np.diag(found.run_covariance))
    df = found.df.copy()
    df[0] = 1 / ((1 - share) ** 2 / df[0] + share**2 / (law.spare + curve.PRIOR))
    return replace(found, df=df, own=law.extra)


def _best_runs(curves, seeds):
    """The best run of each budget, of whose size nothing is known; noise from seeds or curves."""
    noise, used = _noise(curves, seeds), [isoflop.unfitted(b) for b in curves.budgets]
    size, loss = np.array([budget.minimum for budget in used]).T
    counts = np.array([budget.counts[np.argmin(budget.losses)] for budget in used])
    square = noise.sd**2 if noise else 1.0
    df = np.full((2, len(used)), noise.df if noise else UNKNOWN)
    return Minima(
        "best_run",
        used,
        noise,
        np.log([budget.flops for budget in used]),
        size,
        loss,
        np.diag(square / counts),
        square * np.eye(len(used)),
        df,
        len(used),
        run_df=float(df[0, 0]),
    )


def _seeds(table, loss, size):
    """(sum of squares, degrees of freedom) of log loss between the seeds of one cell."""
    log_loss = np.log(table[loss].astype(float))
    cells = log_loss.groupby([table["flops_budget"], table[size]])
    return float(((log_loss - cells.transform("mean")) ** 2).sum()), len(table) - cells.ngroups


def _noise(curves, seeds):
    """Noise about the curves, beside that between seeds; None where neither was measured."""
    square, count = seeds
    between = float(np.sqrt(square / count)) if count else None
    found = curves.regression
    if found is None:
        if not count:
            return None
        return Noise(between, count, between, between, between, count, None, 0, None)
    smallest, largest = found.noise(np.array([-0.5, 0.5])).tolist()
    scatter = max(round(found.df) - count, 0)
    misfit = _misfit(found, seeds) if count and scatter else None
    return Noise(found.sd, found.df, smallest, largest, between, count, found.sd, scatter, misfit)


def _misfit(found, seeds):
    """Chance of the F ratio of scatter about the curves to scatter between seeds."""
    from scipy import special

    square, count = seeds
    total = float((found.residual**2).sum())
    spare = found.df - count
    if spare <= 0 or total <= square:
        return 1.0
    ratio = (total - square) / spare / max(square / count, 1e-300)
    return float(special.fdtrc(spare, count, ratio))


def posterior(law: str, minima: Minima) -> Posterior:
    """What the minima say of one law of `LAWS`; each has at least the error of its `own`."""
    return curve.posterior(
        curve.LAWS[law],
        minima.log_c,
        np.log(minima.loss),
        minima.run_covariance,
        minima.run_df,
        minima.own,
    )


def fit_law(law: str, minima: Minima, rng: np.random.Generator | None = None) -> dict[str, Any]:
    """Fit one law of `LAWS` to the minima: a dict of parameters, intervals, status, draws, between.

    `between(log_c, variance=0)` gives the interval (2, M) of the law's loss, or of the minimum of a
    new budget of which log loss is known to that variance.
    """
    log_c, points = minima.log_c, len(minima.log_c)
    result = {"n": points, "reference": curve.reference(log_c)}
    if points < min(curve.LAWS[law].parameters, curve.LOCAL):
        return result | {"status": f"not identified: {points} budgets"}
    found, at = posterior(law, minima), float(np.mean(log_c))
    p = found.parameters(at)
    result |= {"objective": "generalised least squares", "objective_value": found.chi2}
    result |= {"parameters": p | _c0(p, at), "draws": None}
    result |= {"chi2": found.chi2, "spare": found.spare, "chance": found.chance}
    if minima.noise is not None:
        drawn = found.draws(DRAWS, at, rng or np.random.default_rng(0))
        ends = {name: np.percentile(v, [2.5, 97.5]).tolist() for name, v in drawn.items()}
        if law != "frontier":
            ends.pop("E")
        result |= {"draws": drawn, "intervals": ends, "between": _between(found)}
    result["status"] = _status(found, p, result.get("draws"))
    return result


def _between(found):
    def between(log_c, variance=0.0):
        return np.exp([found.at(c, variance).interval() for c in np.atleast_1d(log_c)]).T

    return between


def _c0(p, at):
    """C0 of (C0 / C)^g = A (C / reference)^-g; with a small exponent it is beyond any number."""
    log_c0 = at + np.log(p["A"]) / p["g"] if p["A"] > 0 and p["g"] > 0 else np.inf
    return {"C0": float(np.exp(log_c0)) if abs(log_c0) < 600 else None}


def _status(found, p, drawn):
    law = found.law
    if found.spare < 1:
        budgets = found.spare + law.parameters
        return f"not identified: {budgets} budgets for {law.parameters} parameters"
    if not found.fits:
        return _misfitting(found)
    if law.name != "frontier":
        return "converged"
    if p["E"] == 0:
        return "bound hit: E is zero, the pure power law fits as well"
    low, high = curve.EXPONENTS
    if not low * 1.001 < p["g"] < high * 0.999:
        return "bound hit: g is at the end of its range, E and g are not identified"
    told = drawn is None or (drawn["E"] <= 0).mean() < 0.025
    return "converged" if told else "converged, but E is not told from zero"


def _misfitting(found):
    ratio = found.chi2 / found.spare
    return f"does not fit: chi2/df is {ratio:.3g}, its interval is widened by that scatter"


def posterior_of_size(minima: Minima) -> Posterior:
    """N*(C) = N (C / reference)^a through the minima: its slope is -a."""
    df = float(np.median(minima.df[1]))
    return curve.posterior(
        curve.LAWS["power"], minima.log_c, np.log(minima.size), minima.size_covariance, df
    )


def fit_size(minima: Minima) -> dict[str, Any]:
    """The isoFLOP law of the best size: parameters {N, a}, intervals, chi2, status.

    Where a minimum lies at or near an end of its sizes, those that were found inside are a
    selection that bends the law: no interval is given.
    """
    points, reference = len(minima.log_c), curve.reference(minima.log_c)
    result = {"n": points, "reference": reference}
    if points < 2:
        return result | {"status": f"not identified: {points} budgets"}
    found, at = posterior_of_size(minima), np.log(reference)
    p = found.parameters(at)
    result |= {"parameters": {"N": p["A"], "a": -p["g"]}}
    result |= {"chi2": found.chi2, "spare": found.spare, "chance": found.chance}
    if minima.noise is not None and minima.estimator == "parabola" and not minima.off:
        falls = found.fall(at, at + 1).interval()  # of log N over one of log C, downwards
        ends = np.exp(found.at(at).interval()).tolist()
        result["intervals"] = {"N": ends, "a": [-falls[1], -falls[0]]}
    result["status"] = _size_status(points, minima, found)
    return result


def _size_status(points, minima, found):
    if minima.estimator != "parabola":
        return "not identified: too few budgets have a minimum among their sizes"
    if points < 3:
        return "not identified: 2 budgets for 2 parameters"
    if minima.off:
        return f"not identified: {minima.off} minima lie at or near an end of their sizes"
    if not found.fits:
        return _misfitting(found)
    return "converged"


def interval(minima: Minima, index: int, which: int = 0) -> list[float]:
    """95 % interval of the log loss (which 0) or log size (1) of one minimum, about zero."""
    covariance = (minima.loss_covariance, minima.size_covariance)[which]
    half = student.quantile(minima.df[which, index]) * np.sqrt(covariance[index, index])
    return [-float(half), float(half)]


def estimate(budget: isoflop.Budget, estimator: str) -> tuple[float, float, str]:
    """(size, loss, what) of one budget by `estimator`; what names the one that was possible."""
    if estimator == "parabola" and budget.fitted:
        return (*budget.minimum, "parabola")
    return (*isoflop.unfitted(budget).minimum, "best_run")
