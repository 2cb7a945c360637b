"""The frontier of a sweep: the lowest loss at each budget, how well it is known, its laws."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.engine import RESAMPLES
from analysis.frontier import curve, flags, isoflop
from analysis.frontier.reach import Line, Profile
from analysis.table import hygiene, schema
from vdit.errors import InputError

MIN_PARABOLAS = 3
LAWS = ("frontier", "power", "local")


@dataclass(frozen=True)
class Minima:
    """Best loss and size at B budgets, by one estimator, with R resamples of their noise.

    estimator is "parabola" (minimum between sizes) or, where fewer than three budgets have one
    inside their sizes, "best_run". Noise arrays are in logs, about zero; R is 0 where no noise
    could be measured. `off` counts the budgets whose minimum lies at or near an end of its sizes.
    """

    estimator: str
    budgets: list
    noise: isoflop.Noise | None
    log_c: np.ndarray  # (B,)
    size: np.ndarray  # (B,)
    loss: np.ndarray  # (B,)
    loss_noise: np.ndarray  # (R, B)
    size_noise: np.ndarray  # (R, B)
    leverage: np.ndarray  # (2, B) of log loss and log size: variance in units of one run's
    off: int

    @property
    def loss_sd(self) -> np.ndarray:
        """Relative error of each loss (B,); in units of one run's where that is not known."""
        return np.sqrt(self.leverage[0]) * (self.noise.sd if self.noise else 1.0)

    @property
    def size_sd(self) -> np.ndarray:
        """Relative error of each size (B,), likewise."""
        return np.sqrt(self.leverage[1]) * (self.noise.sd if self.noise else 1.0)


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


def measure(
    table: pd.DataFrame,
    loss: str,
    size: str,
    resamples: int = RESAMPLES,
    rng: np.random.Generator | None = None,
) -> tuple[list[isoflop.Budget], Minima]:
    """Fit each budget's parabola and return (all budgets, Minima) of the selected rows."""
    budgets = isoflop.fit_budgets(table, loss, size)
    noise = isoflop.measure_noise(table, budgets, loss, size)
    return budgets, of_budgets(budgets, noise, resamples, rng or np.random.default_rng(0))


def of_budgets(
    budgets: list[isoflop.Budget],
    noise: isoflop.Noise | None,
    resamples: int = 0,
    rng: np.random.Generator | None = None,
) -> Minima:
    """Minima of `budgets`: of those with a sound parabola where there are enough of them."""
    used = [budget for budget in budgets if budget.fitted]
    estimator = "parabola"
    if len(used) < MIN_PARABOLAS:
        used, estimator = budgets, "best_run"
    size, loss = np.array([_estimate(budget, estimator) for budget in used]).T
    count = resamples if noise is not None else 0
    loss_noise, size_noise = np.zeros((2, count, len(used)))
    if count:
        sd = noise.draw(rng, count)
        for index, budget in enumerate(used):
            log_size, log_loss = isoflop.resample_minimum(_as(budget, estimator), sd, rng)
            size_noise[:, index] = log_size - np.log(size[index])
            loss_noise[:, index] = log_loss - np.log(loss[index])
    log_c = np.log([budget.flops for budget in used])
    leverage = np.array([isoflop.leverage(_as(budget, estimator)) for budget in used]).T
    off = sum(not budget.fitted or flags.off_centre(budget) for budget in budgets)
    return Minima(estimator, used, noise, log_c, size, loss, loss_noise, size_noise, leverage, off)


def _as(budget, estimator):
    """The budget as the estimator sees it: a best run is one even where a parabola is sound."""
    if estimator == "parabola" or not budget.fitted:
        return budget
    return isoflop.Budget(**{**vars(budget), "reason": "best run asked for"})


def _estimate(budget, estimator):
    return _as(budget, estimator).minimum


def estimate(budget: isoflop.Budget, estimator: str) -> tuple[float, float, str]:
    """(size, loss, what) of one budget by `estimator`; what names the one that was possible."""
    possible = "parabola" if estimator == "parabola" and budget.fitted else "best_run"
    return (*_estimate(budget, possible), possible)


def fit_law(law: str, minima: Minima) -> dict[str, Any]:
    """Fit one law of `LAWS` to the minima: a dict of parameters, intervals, status, draws, between.

    `between(log_c, leverage=0)` gives the interval (2, M) of the law's loss, or of the minimum of a
    new budget of that leverage, by `reach` and like `intervals`. The draws are of a parametric
    bootstrap about the fitted law: noise as between runs, passed through the parabolas, and
    widened where the minima scatter more than that.
    """
    points, reference = len(minima.log_c), curve.reference(minima.log_c)
    result = {"n": points, "reference": reference}
    if points < curve.MIN_POINTS[law]:
        return result | {"status": f"not identified: {points} budgets"}
    E, A, g = (v[0] for v in curve.fit(law, minima.log_c, minima.loss[None], minima.loss_sd))
    last = curve.LOCAL_POINTS if law == "local" else points
    expected = E + A * np.exp(-g * (minima.log_c - np.log(reference)))
    residual = (np.log(minima.loss / expected) / minima.loss_sd)[-last:]
    result["objective"] = "weighted sum of squared relative residuals"
    result["objective_value"] = float((residual**2).sum())
    result["parameters"] = _named(E, A, g, reference)
    result["draws"], told = None, True
    if minima.noise is not None:
        result |= _resampled(law, minima, expected, result["objective_value"], last)
        allowed = reach(law, minima)
        result["intervals"], result["between"] = _intervals(law, allowed, reference), allowed.at
        told = law != "frontier" or allowed.told_from_zero()
    result["status"] = curve.status(law, last, E, g, told)
    return result


def reach(law: str, minima: Minima) -> Profile | Line:
    """What the minima allow of a law: `reach.Profile` for the floor, else `reach.Line`."""
    last = curve.LOCAL_POINTS if law == "local" else len(minima.log_c)
    log_c, loss = minima.log_c[-last:], minima.loss[-last:]
    leverage = minima.leverage[0, -last:]
    if law == "frontier":
        return Profile(log_c, loss, leverage, minima.noise)
    return Line(log_c, np.log(loss), leverage, minima.noise)


def _intervals(law, allowed, reference):
    if law == "frontier":
        return {"E": allowed.floor(), "A": allowed.removable(), "g": allowed.slopes()}
    low, high = allowed.slopes()
    return {"A": allowed.at(np.log([reference]))[:, 0].tolist(), "g": [-high, -low]}


def _resampled(law, minima, expected, scatter, last):
    if not len(minima.loss_noise):
        return {"draws": None}
    spare = last - curve.PARAMETERS[law]
    widen = np.sqrt(max(1.0, scatter / spare)) if spare > 0 else 1.0
    resampled = expected * np.exp(widen * minima.loss_noise)
    draws = curve.fit(law, minima.log_c, resampled, minima.loss_sd)
    return {"draws": draws, "widened": float(widen)}


def _named(E, A, g, reference):
    named = {"E": float(E), "A": float(A), "g": float(g)}
    # (C0 / C)^g = A (C / reference)^-g; with a small exponent C0 is beyond any number.
    log_c0 = np.log(reference) + np.log(A) / g if A > 0 and g > 0 else np.inf
    named["C0"] = float(np.exp(log_c0)) if abs(log_c0) < 600 else None
    return named


def fit_size(minima: Minima) -> dict[str, Any]:
    """N*(C) = k C^a through the minima, weighted by how well each is known: as `fit_law`.

    Where a minimum lies at or near an end of its sizes, those that were found inside are a
    selection that bends the law: no interval is given.
    """
    points, reference = len(minima.log_c), curve.reference(minima.log_c)
    result = {"n": points, "reference": reference, "draws": None}
    if points < 2:
        return result | {"status": f"not identified: {points} budgets"}
    _, k, slope = curve.fit("power", minima.log_c, minima.size[None], minima.size_sd)
    expected = k[0] * np.exp(-slope[0] * (minima.log_c - np.log(reference)))
    scatter = float((np.log(minima.size / expected) ** 2 / minima.size_sd**2).sum())
    result["parameters"] = {"N": float(k[0]), "a": float(-slope[0])}
    if minima.noise is not None:
        drawn = _resampled_sizes(minima, expected, scatter)
        allowed = Line(minima.log_c, np.log(minima.size), minima.leverage[1], minima.noise)
        if not minima.off:
            between = allowed.at(np.log([reference]))[:, 0].tolist()
            result["intervals"] = {"N": between, "a": allowed.slopes()}
        result |= {"draws": drawn, "between": allowed.at}
    result["status"] = _size_status(points, minima.off)
    return result


def _size_status(points, off):
    if points < 3:
        return "not identified: 2 budgets for 2 parameters"
    if off:
        return f"not identified: {off} minima lie at or near an end of their sizes"
    return "converged"


def _resampled_sizes(minima, expected, scatter):
    if not len(minima.size_noise):
        return None
    spare = len(expected) - 2
    widen = np.sqrt(max(1.0, scatter / spare)) if spare > 0 else 1.0
    resampled = expected * np.exp(widen * minima.size_noise)
    _, N, slopes = curve.fit("power", minima.log_c, resampled, minima.size_sd)
    return N, -slopes
