"""Fréchet distance between sets, exact; what it is too large by; its limit for endless sets.

With centred features X (N, d) / sqrt(N - 1) and Y likewise, the eigenvalues of S1 S2 are squared
singular values of X Y^T, and tr (S1 S2)^(1/2) is its nuclear norm. No matrix is rooted, none is
regularised, and fewer clips than features are no special case.
"""

import numpy as np

PARTS = (1, 2, 3, 4)  # into which both sets are cut for the limit
FEWEST = 64  # clips for a limit of however few features
SHUFFLES = 2  # for the bias


def distance(made_ND: np.ndarray, real_MD: np.ndarray) -> float:
    """|m1 - m2|^2 + tr(S1 + S2) - 2 tr (S1 S2)^(1/2), covariances over N - 1; zero to rounding for
    equal sets, never clipped. Both sets need two clips."""
    gap = made_ND.mean(0) - real_MD.mean(0)
    made, real = _root(made_ND), _root(real_MD)
    nuclear = np.linalg.svd(made @ real.T, compute_uv=False).sum()
    return float(gap @ gap + (made**2).sum() + (real**2).sum() - 2 * nuclear)


def bias(made_ND: np.ndarray, real_MD: np.ndarray) -> float:
    """How far apart two independent draws of one distribution are found, of so many clips; paired
    sets (clips and copies of them) share their chance and may be nearer.

    Measured, as fewer clips than features leave no formula: both sets, their means taken off, are
    shuffled together and cut again. Of white Gaussians it is tr S (2 + (d + 1)/2) / N for N = M
    well above d, half of it each set's own. It is the same twice.
    """
    pooled = np.concatenate([made_ND - made_ND.mean(0), real_MD - real_MD.mean(0)])
    found, count = [], len(made_ND)
    for seed in range(SHUFFLES):
        shuffled = np.random.default_rng(seed).permutation(pooled)
        found.append(distance(shuffled[:count], shuffled[count:]))
    return float(np.mean(found))


def limit(made_ND: np.ndarray, real_MD: np.ndarray) -> float:
    """The distance between endless sets: a line in 1/N, drawn to 0 (1911.07023).

    Both sets are cut into 1, 2, 3 and 4 parts, so the bias of both goes; a part's distance is
    the mean over all parts of its size, none of which overlap. The bias is a line only for parts of
    at least as many clips as features: `least`.
    """
    found = [
        np.mean([distance(made_ND[k::parts], real_MD[k::parts]) for k in range(parts)])
        for parts in PARTS
    ]
    _, intercept = np.polyfit(PARTS, found, 1)
    return float(intercept)


def least(features: int) -> int:
    """Clips of the smaller set from which the limit is told."""
    return max(FEWEST, PARTS[-1] * features)


def _centred(x_ND: np.ndarray) -> np.ndarray:
    return (x_ND - x_ND.mean(0)) / np.sqrt(len(x_ND) - 1)


def _root(x_ND: np.ndarray) -> np.ndarray:
    """X with X^T X the covariance, of the fewest rows: the clips', or R of X = Q R."""
    centred = _centred(x_ND)
    return np.linalg.qr(centred, mode="r") if len(centred) > centred.shape[1] else centred
