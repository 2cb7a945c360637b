"""Best learning rate and batch as power laws: the floor of one valley that all cells share.

log setting*(c) = P (1, log N_c, log D_c) is fitted to the runs, not to optima: see `valley`. What a
law leaves unsaid of its cells, their own best rates that scatter about it and a surface that is no
quadratic, moves whole cells; so the covariance of P is the jackknife's, a cell left out at a time,
with the cells' degrees of freedom. The noise of runs alone gives 2.1 to 3.3 times less on Step
Law's 17 cells.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analysis.laws import valley
from analysis.laws.loglinear import LogLinear
from analysis.laws.valley import Valley

BLOCKS = 32  # at most so many times are cells left out, several together where there are more


@dataclass(frozen=True)
class Floor:
    """The laws and the valley whose floor they are."""

    valley: Valley
    laws: tuple[LogLinear, ...]  # of each axis
    best: np.ndarray  # (C, A) log best settings of each cell by the laws


def fit(
    x: np.ndarray,
    y: np.ndarray,
    cell: np.ndarray,
    inputs: Mapping[str, np.ndarray],
    apart: np.ndarray,
) -> Floor | None:
    """Fit to log settings x (R, A), log loss y (R,), cell (R,) and inputs {name: (C,)}.

    apart (C,): cells of one number share runs and are left out together. None where the valley has
    no bottom, or the cells are too few, or don't tell the inputs apart.
    """
    logs = np.log(np.stack(list(inputs.values()), axis=1))
    centre = logs.mean(0)
    z = np.hstack([np.ones((len(logs), 1)), logs - centre])
    if len(np.unique(apart)) <= z.shape[1] or np.linalg.matrix_rank(z, tol=1e-6) < z.shape[1]:
        return None
    found = valley.fit(x, y, cell, z[cell])
    if not (found and found.sound):
        return None
    covariance, df = _jackknife(found, x, y, cell, z, apart)
    laws = [
        LogLinear(tuple(inputs), centre, found.position[i], covariance and covariance[i], df, 0.0)
        for i in range(x.shape[1])
    ]
    return Floor(found, tuple(laws), z @ found.position.T)


def _jackknife(found, x, y, cell, z, apart):
    """(covariance of P by axis (A, Z, Z), degrees of freedom), cells of a number left out together.

    Runs are chosen anew each time: the window follows the law. None and 0, no interval, where runs
    don't cross rate and batch, or the law hangs on one cell.
    """
    if not found.crossed:
        return None, 0
    block = np.unique(apart, return_inverse=True)[1] % BLOCKS
    groups = np.unique(block)
    left = [block[cell] != group for group in groups]
    fits = [valley.fit(x[k], y[k], cell[k], z[cell[k]], found.near[k]) for k in left]
    if not all(fit and fit.sound for fit in fits):
        return None, 0
    positions = np.stack([fit.position for fit in fits])
    off = positions - positions.mean(0)
    covariance = (1 - 1 / len(groups)) * np.einsum("gaz,gay->azy", off, off)
    return list(covariance), len(groups) - z.shape[1]
