"""The frontier of a sweep: the lowest loss at each budget, and how well it is known."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.engine import student
from analysis.frontier import curve, flags, isoflop, weigh
from analysis.frontier.isoflop import Curves
from analysis.frontier.noise import Noise, between_runs, between_seeds
from analysis.frontier.posterior import Posterior

MIN_PARABOLAS = 3
LIKELY = 0.9  # chance from which it is said that budgets err on their own
UNKNOWN = 1e6  # degrees of freedom where there is no noise to be unsure of


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
    any_own: float = 0.0  # chance that they have any
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
        return self._only(slice(count))

    def without(self, count: int) -> "Minima":
        """The minima of all budgets but the `count` smallest."""
        return self._only(slice(count, None))

    def _only(self, kept):
        return replace(
            self,
            budgets=self.budgets[kept],
            log_c=self.log_c[kept],
            size=self.size[kept],
            loss=self.loss[kept],
            run_covariance=self.run_covariance[kept, kept],
            size_covariance=self.size_covariance[kept, kept],
            df=self.df[:, kept],
        )


def measure(table: pd.DataFrame, loss: str, size: str) -> tuple[list[isoflop.Budget], Minima]:
    """Fit the isoFLOP curves and return (all budgets, Minima) of the selected rows."""
    curves = isoflop.fit_budgets(table, loss, size)
    seeds = between_seeds(table, loss, size)
    fitted = [budget for budget in curves.budgets if budget.fitted]
    if len(fitted) < min(MIN_PARABOLAS, len(curves.budgets)):
        return curves.budgets, _best_runs(curves, seeds)
    return curves.budgets, _of_curves(curves, fitted, between_runs(curves, seeds))


def _of_curves(curves: Curves, used: list[isoflop.Budget], noise: Noise | None) -> Minima:
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


def _scattered(found: Minima) -> Minima:
    """The minima with the error that budgets have of their own: of their scatter about a curve.

    What all runs of a budget share no run of it shows. The curve is that of `curved`, the most
    flexible law of compute; with three budgets it passes through all of them and tells nothing.
    """
    if len(found.log_c) <= curve.LAWS["curved"].parameters:
        return found
    law = posterior("curved", found)
    df = found.df.copy()
    df[0] = law.with_own(df[0], np.diag(found.run_covariance))
    return replace(found, df=df, own=law.extra, any_own=law.any_own)


def _best_runs(curves: Curves, seeds: tuple[float, int]) -> Minima:
    """The best run of each budget, of whose size nothing is known; noise from seeds or curves."""
    noise, used = between_runs(curves, seeds), [isoflop.unfitted(b) for b in curves.budgets]
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


def doubts(budgets: list[isoflop.Budget], found: Minima) -> list[flags.Flag]:
    """What makes the minima untrustworthy: of each budget, and of all together."""
    said = flags.of_budgets(budgets, found.noise.sd if found.noise else None)
    if found.any_own > LIKELY:
        words = (
            "budgets scatter about any smooth law by more than their runs do: each is taken to be "
            f"{np.sqrt(found.own):.2%} off on its own; few budgets tell that badly: of planted "
            "sweeps like that, intervals of 95 % held in 82 to 87 %"
        )
        said.append(flags.Flag("own_errors", None, words))
    return said


def posterior(law: str, minima: Minima) -> Posterior:
    """What the minima say of one law of `curve.LAWS`; each has at least the error of its `own`."""
    return weigh.posterior(
        curve.LAWS[law],
        minima.log_c,
        np.log(minima.loss),
        minima.run_covariance,
        minima.run_df,
        minima.own,
    )


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
