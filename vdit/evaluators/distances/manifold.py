"""How much of each set lies among the other: balls that reach each clip's k-th neighbour.

No smooth functions of the clips: on planted sets a jackknife's errors are up to about twice the
real ones; elsewhere (clusters, equal clips) by how much is not known. An interval may reach beyond
0 or 1.
"""

from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

NEIGHBOURS = 5  # of 2002.09797, for all four; 1904.06991 has 3


class Manifold(NamedTuple):
    """Precision and recall (1904.06991), density and coverage (2002.09797)."""

    precision: float  # share of made clips in a real one's ball
    recall: float  # share of real clips in a made one's ball
    density: float  # real balls that a made clip lies in, over k: may pass 1
    coverage: float  # share of real balls with a made clip in them


class Distances(NamedTuple):
    """Euclidean distances within the sets and across: they are found once for all subsets."""

    made_NN: np.ndarray
    real_MM: np.ndarray
    across_NM: np.ndarray

    def manifold(
        self, rows: np.ndarray | slice, reference: np.ndarray | slice, k: int = NEIGHBOURS
    ) -> Manifold:
        """Of those made and real clips; both more than `k`."""
        across = self.across_NM[rows][:, reference]
        real = _radii(self.real_MM[reference][:, reference], k)
        made = _radii(self.made_NN[rows][:, rows], k)
        inside = across <= real
        return Manifold(
            float(inside.any(1).mean()),
            float((across <= made[:, None]).any(0).mean()),
            float(inside.sum(1).mean() / k),
            float(inside.any(0).mean()),
        )


def distances(made_ND: np.ndarray, real_MD: np.ndarray) -> Distances:
    """All three matrices of distances."""
    return Distances(cdist(made_ND, made_ND), cdist(real_MD, real_MD), cdist(made_ND, real_MD))


def _radii(distances_NN: np.ndarray, k: int) -> np.ndarray:
    """To the k-th neighbour; a clip itself comes first."""
    return np.partition(distances_NN, k, axis=1)[:, k]
