"""Kernel distance (KID, 1801.01401): squared maximum mean discrepancy, unbiased."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


def kernel(x_ND: np.ndarray, y_MD: np.ndarray) -> np.ndarray:
    """(N, M) of (x . y / d + 1)^3."""
    one_NM = x_ND @ y_MD.T / x_ND.shape[1] + 1
    return one_NM * one_NM * one_NM  # a tenth of the time of **


class Kernels(NamedTuple):
    """Within the sets and across: they are found once for all subsets."""

    made_NN: np.ndarray
    real_MM: np.ndarray
    across_NM: np.ndarray

    def distance(self, rows: np.ndarray | slice, reference: np.ndarray | slice) -> float:
        """Of those made and real clips (`distance`); two of each are needed."""
        made = _between_different(self.made_NN[rows][:, rows])
        real = _between_different(self.real_MM[reference][:, reference])
        return float(made + real - 2 * self.across_NM[rows][:, reference].mean())


def kernels(made: Sequence[np.ndarray], real_MD: np.ndarray) -> list[Kernels]:
    """Of each of the sets made (N, D); that within the real clips is theirs in common."""
    real_MM = kernel(real_MD, real_MD)
    return [
        Kernels(kernel(made_ND, made_ND), real_MM, kernel(made_ND, real_MD)) for made_ND in made
    ]


def distance(made_ND: np.ndarray, real_MD: np.ndarray) -> float:
    """E k(x, x') + E k(y, y') - 2 E k(x, y), over different clips of each set: a U-statistic, so
    zero on average, and as often below it, for two draws of one distribution.

    Of all clips at once, once: no subsets are drawn. Both sets need two clips. Paired sets (clips
    and copies of them) are no two draws: their pairs are in the last term, which is too large, and
    equal sets are below zero.
    """
    (found,) = kernels([made_ND], real_MD)
    return found.distance(slice(None), slice(None))


def _between_different(k_NN: np.ndarray) -> float:
    return (k_NN.sum() - np.trace(k_NN)) / (len(k_NN) * (len(k_NN) - 1))
