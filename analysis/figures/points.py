"""Which points of a picture are drawn: all, or, of very many, one for each spot of the picture."""

import numpy as np

MOST = 2000  # points up to which all are drawn
SPOTS = 100  # along each axis: a spot is about as wide as a dot


def drawn(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(R,) True for the points that are drawn on logarithmic axes.

    Of more than MOST, those that fall on one spot are drawn once: the picture looks the same.
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    if len(x) <= MOST:
        return np.ones(len(x), bool)
    column, row = (np.floor(SPOTS * _share(np.log(values))) for values in (x, y))
    chosen = np.zeros(len(x), bool)
    chosen[np.unique(column * (SPOTS + 1) + row, return_index=True)[1]] = True
    return chosen


def words(points: int) -> str:
    """What is said of a picture of so many points: "" where all are drawn."""
    if points <= MOST:
        return ""
    return f" There are {points:,} runs; those that fall on one spot of a picture are drawn once."


def _share(values):
    """Where values lie between their least and their most, 0 to 1."""
    low, span = values.min(), np.ptp(values)
    return (values - low) / span if span > 0 else np.zeros(len(values))
