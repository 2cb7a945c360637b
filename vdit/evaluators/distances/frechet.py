"""Fréchet distance between sets, exact; what it is too large by; its limit for endless sets.

With centred features X (N, d) / sqrt(N - 1) and Y likewise, the eigenvalues of S1 S2 are squared
singular values of X Y^T, and tr (S1 S2)^(1/2) is its nuclear norm. No matrix is rooted, none is
regularised, and fewer clips than features are no special case.
"""

import numpy as np

PARTS = (1, 2, 3, 4)  # into which both sets are cut for the limit
# Clips of the smaller set below which the limit is not given: its parts would be few.
LEAST = 256


def distance(made_ND: np.ndarray, real_MD: np.ndarray) -> float:
    """|m1 - m2|^2 + tr(S1 + S2) - 2 tr (S1 S2)^(1/2), covariances over N - 1; zero to rounding for
    equal sets, never clipped. Both sets need two clips."""
    gap = made_ND.mean(0) - real_MD.mean(0)
    made, real = _root(made_ND), _root(real_MD)
    nuclear = np.linalg.svd(made @ real.T, compute_uv=False).sum()
    return float(gap @ gap + (made**2).sum() + (real**2).sum() - 2 * nuclear)


def bias(made_ND: np.ndarray, real_MD: np.ndarray) -> float:
    """About how far apart two draws of one distribution are found, of these numbers of clips.

    To first order in 1/N of Gaussians with eigenvalues l:
    (1/N + 1/M) (sum_i l_i + sum_ij l_i l_j / (2 (l_i + l_j)) + sum_i l_i / 4), that is
    tr S (2 + (d + 1)/2) / N for white ones and N = M. The eigenvalues are those of the sets at
    hand, too few where N < d: then it is too small.
    """
    stacked = np.concatenate([_centred(made_ND), _centred(real_MD)]) / np.sqrt(2)
    values = np.linalg.svd(stacked, compute_uv=False) ** 2
    values = values[values > 0]
    pairs = values[:, None] * values / (values[:, None] + values)
    return float((1 / len(made_ND) + 1 / len(real_MD)) * (1.25 * values.sum() + pairs.sum() / 2))


def limit(made_ND: np.ndarray, real_MD: np.ndarray) -> float:
    """The distance between endless sets: a line in 1/N, drawn to 0 (1911.07023).

    Both sets are cut into 1, 2, 3 and 4 parts, so the bias of both goes; a part's distance is
    the mean over all parts of its size, none of which overlap. Clips are in no order that matters.
    A line needs parts with more clips than features that vary: with fewer, what is left is bias.
    """
    found = [
        np.mean([distance(made_ND[k::parts], real_MD[k::parts]) for k in range(parts)])
        for parts in PARTS
    ]
    _, intercept = np.polyfit(PARTS, found, 1)
    return float(intercept)


def _centred(x_ND: np.ndarray) -> np.ndarray:
    return (x_ND - x_ND.mean(0)) / np.sqrt(len(x_ND) - 1)


def _root(x_ND: np.ndarray) -> np.ndarray:
    """X with X^T X the covariance, of the fewest rows: the clips', or R of X = Q R."""
    centred = _centred(x_ND)
    return np.linalg.qr(centred, mode="r") if len(centred) > centred.shape[1] else centred
