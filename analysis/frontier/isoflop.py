"""The isoFLOP curves of a sweep, fitted together: the best size of each compute budget, its loss.

Approach 2 of Hoffmann et al. (2203.15556): near its minimum log loss is quadratic in log size.
Every budget has a minimum of its own; how sharply the curves bend is shared, linear in log compute,
which makes the minima less noisy than parabolas of one budget each. Sizes far from the best bend a
parabola to one side (2603.22339), so runs count less the farther their loss lies above the minimum,
from WINDOW on.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from analysis.engine import regression
from analysis.engine.regression import Regression

MIN_SIZES = 3
WINDOW = 0.08  # excess of log loss from which a run counts less, by its square
ROUNDS = 4  # of fits and windows
DRIFT = 0.15  # change of curvature over a step of one in log compute, as a share: what is expected
SEEN = 2.0  # standard errors by which the curves must bend up
BEYOND = 0.5  # of its sizes' span: a minimum farther outside is not known
LEVEL, SLOPE, CURVATURE = range(3)  # a budget's coefficients, powers of log size


@dataclass(frozen=True)
class Budget:
    """The runs of one budget: K sizes with seeds averaged, and their curve if it is sound."""

    flops: float
    sizes: np.ndarray  # (K,) ascending
    losses: np.ndarray  # (K,) mean over seeds, in logs
    counts: np.ndarray  # (K,) seeds
    best_run: str
    reason: str = ""  # why its minimum is not known; "" where it is
    coefficients: np.ndarray | None = None  # of log loss in log(size / centre), highest power first

    @property
    def fitted(self) -> bool:
        """True when the curve has a minimum among its sizes or near them."""
        return not self.reason

    @property
    def centre(self) -> float:
        """Geometric mean of the sizes: where log size is counted from."""
        return float(np.exp(np.log(self.sizes).mean()))

    @property
    def span(self) -> np.ndarray:
        """Log of the smallest and the largest size, counted from the centre."""
        return np.log(self.sizes[[0, -1]] / self.centre)

    @property
    def minimum(self) -> tuple[float, float]:
        """(size, loss) at the curve's minimum, or of the best size where it is not known."""
        if not self.fitted:
            best = int(np.argmin(self.losses))
            return float(self.sizes[best]), float(self.losses[best])
        a, b, c = self.coefficients
        return self.centre * float(np.exp(-b / (2 * a))), float(np.exp(c - b**2 / (4 * a)))

    def curve(self, points: int = 60) -> tuple[np.ndarray, np.ndarray]:
        """(sizes, losses) along the curve."""
        x = np.linspace(*self.span, points)
        return self.centre * np.exp(x), np.exp(np.polyval(self.coefficients, x))


@dataclass(frozen=True)
class Curves:
    """All budgets, ascending, and what ties them: `rows[k]` (B, K) times coefficients is a power.

    `regression` is None where nothing could be fitted together.
    """

    budgets: list[Budget]
    regression: Regression | None = None
    log_c: np.ndarray = field(default_factory=lambda: np.zeros(0))  # (B,), of budgets with a curve
    rows: np.ndarray = field(default_factory=lambda: np.zeros((3, 0, 0)))

    def jacobians(self) -> tuple[np.ndarray, np.ndarray]:
        """(B, K) of log loss and of log size at the minima, in the regression's coefficients."""
        level, slope, curvature = self.rows
        _, b, a = (row @ self.regression.coefficients for row in self.rows)
        at = (-b / (2 * a))[:, None]
        loss = level + at * slope + at**2 * curvature
        size = -slope / (2 * a[:, None]) + (b / (2 * a**2))[:, None] * curvature
        return loss, size


def coordinate(log_c: np.ndarray) -> np.ndarray:
    """Log compute moved and scaled to a step of one about zero: what the noise may follow."""
    span = np.ptp(log_c)
    return (log_c - (log_c.min() + log_c.max()) / 2) / span if span else np.zeros(len(log_c))


def fit_budgets(table: pd.DataFrame, loss: str, size: str) -> Curves:
    """The Curves of the runs of `table`, by flops_budget. `loss`, `size`: columns."""
    grouped = [
        (float(flops), *(rows[c].to_numpy(float) for c in (size, loss)), rows["run_id"])
        for flops, rows in table.groupby("flops_budget", sort=True)
    ]
    budgets = [_averaged(*group) for group in grouped]
    several = [i for i, budget in enumerate(budgets) if len(budget.sizes) > 1]
    if not any(len(budgets[i].sizes) >= MIN_SIZES for i in several):
        return Curves([_refused(budget, _few(budget)) for budget in budgets])
    used = [budgets[i] for i in several]
    log_n = [np.log(grouped[i][1] / budgets[i].centre) for i in several]
    log_loss = np.concatenate([np.log(grouped[i][2]) for i in several])
    found, rows = _fit(np.log([budget.flops for budget in used]), log_n, log_loss)
    if found is None:
        return Curves([_refused(budget, "too few runs to fit a curve") for budget in budgets])
    judged = dict(zip(several, _judge(used, found, rows), strict=True))
    budgets = [judged.get(i) or _refused(b, _few(b)) for i, b in enumerate(budgets)]
    sound = [k for k, i in enumerate(several) if judged[i].fitted]
    log_c = np.log([used[k].flops for k in sound])
    return Curves(budgets, found, log_c, rows[:, sound])


def unfitted(budget: Budget) -> Budget:
    """The budget as its best run sees it, whatever its curve."""
    return budget if budget.reason else _refused(budget, "best run asked for")


def _averaged(flops, size, loss, run_id):
    sizes, cell = np.unique(size, return_inverse=True)
    counts = np.bincount(cell)
    losses = np.exp(np.bincount(cell, weights=np.log(loss)) / counts)
    return Budget(flops, sizes, losses, counts, str(np.asarray(run_id)[np.argmin(loss)]))


def _refused(budget, reason):
    return Budget(**{**vars(budget), "reason": reason})


def _few(budget):
    sizes = len(budget.sizes)
    return f"{sizes} size{'s' * (sizes > 1)}, a parabola needs {MIN_SIZES}"


def _powers(log_c):
    """(3, B, K): rows that make level, slope and curvature of each budget from coefficients."""
    count = len(log_c)
    x = log_c - log_c.mean()
    drift = [x] if count > 2 else []
    rows = np.zeros((3, count, 2 * count + 1 + len(drift)))
    rows[LEVEL, :, :count] = rows[SLOPE, :, count : 2 * count] = np.eye(count)
    rows[CURVATURE, :, 2 * count :] = np.stack([np.ones(count), *drift], axis=1)
    return rows


def _fit(log_c, log_n, log_loss):
    """The regression of all runs together, its window about the minima, and `_powers`."""
    rows = _powers(log_c)
    at = np.repeat(np.arange(len(log_c)), [len(n) for n in log_n])
    n = np.concatenate(log_n)
    design = rows[LEVEL, at] + n[:, None] * rows[SLOPE, at] + n[:, None] ** 2 * rows[CURVATURE, at]
    weight, prior = np.ones(len(n)), np.full(design.shape[1], np.inf)
    for _ in range(ROUNDS):
        found = regression.fit(design, log_loss, coordinate(log_c)[at], weight, prior)
        if found is None:
            break
        _, b, a = (row[at] @ found.coefficients for row in rows)
        bend = found.coefficients[2 * len(log_c)]
        if bend <= 0:
            break
        if design.shape[1] > 2 * len(log_c) + 1:
            prior[-1] = DRIFT * bend
        a = np.maximum(a, 1e-3 * bend)
        excess = a * (n + b / (2 * a)) ** 2
        weight = np.minimum(1.0, WINDOW / np.maximum(excess, 1e-12)) ** 2
    return found, rows


def _judge(budgets, found, rows):
    """The budgets with their curves, or with why they have none."""
    level, slope, bend = (row @ found.coefficients for row in rows)
    curvature = rows[CURVATURE]
    error = np.sqrt(np.einsum("bk,kl,bl->b", curvature, found.covariance, curvature))
    for budget, a, b, c, seen in zip(budgets, bend, slope, level, bend / error, strict=True):
        reason = _unsound(budget, a, b, seen)
        yield Budget(**{**vars(budget), "reason": reason, "coefficients": np.array([a, b, c])})


def _unsound(budget, a, b, seen):
    if a <= 0:
        return "the curve has no minimum (it bends down)"
    if seen < SEEN:
        return "the curve hardly bends: its minimum is not known"
    low, high = budget.span
    vertex, beyond = -b / (2 * a), BEYOND * (high - low)
    if vertex < low - beyond:
        return "the minimum lies below the smallest size"
    if vertex > high + beyond:
        return "the minimum lies above the largest size"
    return ""
