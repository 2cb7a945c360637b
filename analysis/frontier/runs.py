"""Laws in size and tokens through all runs, read at their own best size for a compute."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.engine import fit as engine
from analysis.engine import misfit, sandwich, student
from analysis.engine.problem import problem
from analysis.engine.student import Mixture

LAWS = ("chinchilla", "gamma")
FOLLOWED = 100  # iterations of a start: in most fits of few runs one of the four creeps on
SIZES, BEYOND = 400, 10.0  # sizes among which the best is sought, to this factor beyond the table's


@dataclass(frozen=True)
class Surface:
    """A law fitted to runs, with the errors of its parameters by the sandwich."""

    fit: object  # analysis.engine.fit.Fit
    errors: np.ndarray  # (K, G) what each of its runs moves theta by
    is_known: bool  # whether rounding leaves anything of the covariance
    df: float
    sizes: np.ndarray  # (S,) of the table
    per_token: np.ndarray  # (S,) FLOPs per parameter and token

    def value(self, log_c: float) -> float:
        """Log loss of the best size."""
        return float(self._at(log_c)[0])

    def at(self, log_c: float, variance: float = 0.0) -> Mixture:
        """Of log loss: the law's, or of a minimum whose log has that `variance`."""
        log_loss, slope = self._at(log_c)
        return student.single(log_loss, self._scale(slope, variance), self.df)

    def fall(self, low: float, high: float) -> Mixture:
        """Of log loss at log compute `low` over that at `high`."""
        (one, slope), (other, last) = self._at(low), self._at(high)
        return student.single(one - other, self._scale(slope - last), self.df)

    def tells(self, log_c: float) -> bool:
        """Whether its errors are known, and below a factor of e at a compute: few runs may not."""
        return self.is_known and self.variance(self._at(log_c)[1]) < 1

    def variance(self, slope: np.ndarray) -> float:
        """Of what has this slope in theta (K,)."""
        return float(np.square(slope @ self.errors).sum())

    def _scale(self, slope, variance=0.0):
        return float(np.sqrt(self.variance(slope) + variance + 1e-24))

    def _at(self, log_c):
        """Log loss and its slope in theta (K,); the best size moves neither to first order."""
        grid = np.geomspace(self.sizes[0] / BEYOND, self.sizes[-1] * BEYOND, SIZES)
        each = grid * np.interp(np.log(grid), np.log(self.sizes), self.per_token)
        problem = self.fit.problem
        x = problem.at({"params": grid, "tokens": np.exp(log_c) / each})
        log_loss, slope = problem.law.log_loss(self.fit.theta[None], x)
        best = int(np.argmin(log_loss[0]))
        return log_loss[0, best], slope[0, best]


def fit(name: str, rows: pd.DataFrame, columns: dict[str, str]) -> Surface | None:
    """Fit one of `LAWS` to runs; None where they are too few. `columns` by role."""
    from analysis.laws.registry import LAWS as KNOWN

    law = KNOWN[name]
    inputs = {role: rows[columns[role]].to_numpy(float) for role in law.inputs}
    few = len(rows) < law.minimum_rows
    if few or any(len(np.unique(values)) < 2 for values in inputs.values()):
        return None
    posed = problem(law, inputs, rows[columns["loss"]].to_numpy(float))
    found = engine.fit(posed, iterations=FOLLOWED)
    group = misfit.groups(found.problem)
    once = np.ones((1, group.max() + 1))
    drawn = found.problem, found.theta[None], once, group
    variances = np.linalg.eigvalsh(sandwich.covariance(*drawn)[0])
    df = max(once.size - len(found.theta), 1)
    errors = sandwich.root(*drawn)[0] * np.sqrt(once.size / df)  # of few runs residuals are small
    is_known = bool(variances[0] >= -1e-9 * variances[-1])
    return Surface(found, errors, is_known, df, *flops_ratio(rows, columns))


def flops_ratio(rows: pd.DataFrame, columns: dict[str, str]) -> tuple[np.ndarray, np.ndarray]:
    """FLOPs per parameter and token of every size in the table: sizes (S,) ascending, ratios."""
    size = rows[columns["params"]].astype(float)
    ratio = rows[columns["flops"]] / (size * rows[columns["tokens"]])
    found = ratio.groupby(size).median()
    return found.index.to_numpy(float), found.to_numpy(float)
