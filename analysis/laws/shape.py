"""The shape of a valley of log loss, as columns of least squares: bend, and skew where it is told.

    rise(u) = u'Bu / 2 + s u_1^3 + t u_1 u_2^2,      u (R, A): log settings less the best ones

With one axis B is a number and there is no t. u_1 is the learning rate's, or the only one's.
"""

import numpy as np

TOLD = 0.3  # of a column, settings in units of their spread, that others must leave it
SAME = 1e-3  # settings whose logs differ by less are one setting


def columns(away: np.ndarray) -> np.ndarray:
    """Columns of B_11, of B_22 and B_12 with two axes, of s, and of t: (R, 2) or (R, 5)."""
    squares = away * away
    crossed = away[:, :1] * away[:, 1:]
    return np.hstack([squares / 2, crossed, away[:, :1] * squares])


def unpack(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """B (A, A) and the skew (A,) from the coefficients of `columns`."""
    if len(values) == 2:
        return values[:1, None], values[1:]
    return np.array([[values[0], values[2]], [values[2], values[1]]]), values[3:]


def squares(away: np.ndarray, bend: np.ndarray) -> np.ndarray:
    """What the bend alone adds to log loss, (R,)."""
    return 0.5 * np.einsum("ra,ab,rb->r", away, bend, away)


def rise(away: np.ndarray, bend: np.ndarray, skew: np.ndarray) -> np.ndarray:
    """Log loss above the bottom, (R,)."""
    return squares(away, bend) + away[:, 0] * (away * away @ skew)


def gradient(away: np.ndarray, bend: np.ndarray, skew: np.ndarray) -> np.ndarray:
    """Slope of `rise` in each axis, (R, A)."""
    cubic = 2 * skew * away[:, :1] * away
    cubic[:, 0] += away * away @ skew
    return away @ bend + cubic


def moves(slopes: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Columns of P, whose P z_c are best: slopes (R, A) in each axis times each number of z."""
    return np.einsum("ra,rz->raz", slopes, z).reshape(len(z), -1)


def told(away: np.ndarray, z: np.ndarray, cell: np.ndarray, mean: np.ndarray) -> np.ndarray | None:
    """Which of `columns` the runs tell, by what each adds to those before it and to levels and
    slopes, which can be anything; None where they don't tell the squares.

    mean (C, R): its product with values of the runs is their mean in each cell.
    """
    away = away / np.maximum(np.std(away - (mean @ away)[cell], axis=0), SAME)
    design = np.hstack([moves(away, z), columns(away)])
    design = design - (mean @ design)[cell]
    adds = np.zeros(design.shape[1])
    triangle = np.abs(np.diag(np.linalg.qr(design, mode="r")))
    adds[: len(triangle)] = triangle
    axes, slopes = away.shape[1], away.shape[1] * z.shape[1]
    found = adds[slopes:] > TOLD * np.sqrt(len(design))
    spare = len(design) - mean.any(1).sum() - slopes - axes  # a column leaves one or is not tested
    found[axes:] &= spare > np.arange(1, 1 + len(found) - axes)
    return found if found[:axes].all() else None
