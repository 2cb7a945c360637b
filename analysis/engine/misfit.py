"""Lack of fit: runs of the same inputs know what noise is; what the law misses is more than that.

F = (sum_cells n (mean r)^2 / (cells - K)) / (sum_runs (r - mean r)^2 / (runs - cells)), r the
residual of log loss, a cell the runs of the same inputs (Draper and Smith, Applied Regression
Analysis, 1.8).
What a law misses is shared by all runs of a cell, so intervals take them for one draw (`groups`).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import sparse, special

from analysis.engine import sandwich
from analysis.engine.fit import Fit
from analysis.engine.problem import Problem

UNLIKELY = 0.01  # the law does not fit where repeats alone would scatter so with less chance


@dataclass(frozen=True)
class LackOfFit:
    """Scatter about the law over that between repeats, in standard deviations, and its chance."""

    ratio: float
    chance: float
    repeats: int  # degrees of freedom between runs of the same inputs
    WRITTEN: ClassVar = ("words",)

    @property
    def words(self) -> str:
        """What is said of a law that does not fit; "" of one that does."""
        if self.chance > UNLIKELY:
            return ""
        return f"does not fit: the law misses by {self.ratio:.1f} times the noise between repeats"


def of(fit: Fit) -> LackOfFit | None:
    """Of a fitted law; None where no inputs repeat or a run has several rows."""
    problem = fit.problem
    log_loss = problem.law.log_loss(fit.theta[None], problem.x)[0]
    residual = sandwich.bounded(problem, problem.log_loss - log_loss)[0]
    cell, width = cells(problem), len(problem.law.parameters)
    rows, count = len(cell), cell.max() + 1
    if problem.cluster.max() + 1 < rows or not rows > count > width:
        return None
    weight = np.bincount(cell, problem.weight)
    mean = np.bincount(cell, problem.weight * residual) / weight
    between = weight @ mean**2 / (count - width)
    within = problem.weight @ (residual - mean[cell]) ** 2 / (rows - count)
    ratio = between / max(within, 1e-300)
    chance = special.fdtrc(count - width, rows - count, ratio)
    return LackOfFit(float(np.sqrt(ratio)), float(chance), int(rows - count))


def cells(problem: Problem) -> np.ndarray:
    """(R,) the number of each row's cell: rows of the same inputs to ten digits."""
    return np.unique(np.round(problem.x.T, 10), axis=0, return_inverse=True)[1].ravel()


def groups(problem: Problem) -> np.ndarray:
    """(R,) numbers of what is drawn together: rows of one run, and runs of the same inputs."""
    rows = np.arange(len(problem.loss))
    labels = problem.cluster, cells(problem)
    joined = [np.unique(label, return_index=True)[1][label] for label in labels]
    links = (np.ones(2 * len(rows)), (np.tile(rows, 2), np.concatenate(joined)))
    graph = sparse.coo_matrix(links, shape=(len(rows), len(rows)))
    return sparse.csgraph.connected_components(graph, directed=False)[1]
