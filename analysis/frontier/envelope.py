"""The frontier as the lower envelope of all training curves, without compute budgets.

Approach 1 of Hoffmann et al. (2203.15556, section 3.1), also HunyuanVideo's (2412.03603): at each
compute the run of the lowest loss is the best use of that compute. Here the envelope is the lower
convex hull of all rows in (log compute, log loss), as in Gemstones (2502.06857): it needs no bins,
and rows need not be curves. A frontier that bends down in these axes (no law here but a broken one
does) it cuts short. Noise lowers its exponent: over 20 planted sweeps of 12 sizes by 60 checkpoints
a came out 0.011 too low (sd 0.019) at a noise of 0.2 % and 0.027 (sd 0.052) at 1 %; the lowest of
interpolated curves gave 0.008 (0.006) and 0.059 (0.014).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from analysis.engine.status import Status
from analysis.frontier.flags import Flag
from vdit.errors import InputError

MIN_POINTS = 3


@dataclass(frozen=True)
class Points:
    """P points of a frontier, by rising compute; every array is (P,)."""

    log_c: np.ndarray  # log FLOPs
    size: np.ndarray
    tokens: np.ndarray
    loss: np.ndarray
    run: np.ndarray  # the run of each point, as text

    def __len__(self):
        return len(self.log_c)

    def take(self, keep: np.ndarray) -> "Points":
        """The points of a mask or of indices."""
        return Points(*(values[keep] for values in vars(self).values()))


def envelope(
    rows: pd.DataFrame, columns: Mapping[str, str]
) -> tuple[Points, np.ndarray, list[Flag]]:
    """Return (Points on the envelope, mask of those inside the ladder of sizes, flags).

    `columns` maps params, tokens, flops, loss and (optional) group to columns of `rows`. Before
    the smallest size is overtaken, and after the largest took over, the envelope is the curve of
    that one size and tells nothing of the best one: these points are not inside.
    """
    every = _points(rows, columns)
    at = lower_hull(every.log_c, np.log(every.loss))
    points = every.take(at)
    low, high = every.size.min(), every.size.max()
    if low == high:
        raise InputError(f"an envelope needs two sizes or more, the table has one ({low:g})")
    inside = (points.size > low) & (points.size < high)
    return points, inside, _flags(points, inside, every, at)


def lower_hull(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Indices of the lower convex hull of points (x, y) by rising x, down to the lowest y."""
    hull = []
    for i in np.lexsort((y, x)):
        if hull and x[i] == x[hull[-1]]:
            continue
        while len(hull) > 1 and _above(x, y, hull[-2], hull[-1], i):
            hull.pop()
        hull.append(i)
    hull = np.array(hull)
    return hull[: np.argmin(y[hull]) + 1]


@dataclass(frozen=True)
class PowerLaws:
    """N* = k_N C^a, D* = k_D C^b, L = k_L C^-g; `parameters` {} where there are too few points."""

    n: int
    status: Status
    parameters: dict[str, float] = field(default_factory=dict)


def laws(points: Points) -> PowerLaws:
    """Power laws along a frontier, by least squares in logs."""
    compute = len(np.unique(points.log_c))
    few = Status.of(f"not identified: {compute} points for 2 parameters")
    if compute < 2:
        return PowerLaws(len(points), few)
    found = {}
    for exponent, constant, values, sign in (
        ("a", "k_N", points.size, 1),
        ("b", "k_D", points.tokens, 1),
        ("g", "k_L", points.loss, -1),
    ):
        slope, height = np.polyfit(points.log_c, np.log(values), 1)
        found |= {constant: float(np.exp(height)), exponent: sign * float(slope)}
    return PowerLaws(len(points), few if compute < MIN_POINTS else Status.of("converged"), found)


def _points(rows, columns):
    size, tokens, flops, loss = (
        rows[columns[role]].to_numpy(float) for role in ("params", "tokens", "flops", "loss")
    )
    group = columns.get("group")
    run = rows[group].astype(str) if group else rows.index.astype(str)
    return Points(np.log(flops), size, tokens, loss, np.asarray(run))


def _above(x, y, first, middle, last):
    """True when the middle point lies on or above the line from first to last."""
    return (y[middle] - y[first]) * (x[last] - x[first]) >= (y[last] - y[first]) * (
        x[middle] - x[first]
    )


def _flags(points, inside, every, at):
    found = []
    for word, end in (("smallest", every.size.min()), ("largest", every.size.max())):
        count = int((points.size == end).sum())
        if count:
            text = f"{count} of {len(points)} points of the envelope are of the {word} size"
            found.append(Flag("envelope_end", None, f"{text} ({end:.3g}): left out of its laws"))
    sizes = len(np.unique(points.size[inside]))
    if sizes < MIN_POINTS:
        text = f"the envelope holds {sizes} sizes between the smallest and the largest"
        found.append(Flag("envelope_few", None, f"{text}, its laws need {MIN_POINTS}"))
    stopped = int((_last_of_run(every)[at] & inside).sum())
    if stopped:
        text = f"{stopped} of {int(inside.sum())} points inside are the last of their run"
        more = "trained for longer, it might have stayed on the envelope"
        found.append(Flag("envelope_stopped", None, f"{text}: {more}"))
    return found


def _last_of_run(points):
    """Mask of the last row of every run that has several: runs that stopped, not checkpoints."""
    runs, index, counts = np.unique(points.run, return_inverse=True, return_counts=True)
    last = np.full(len(runs), -np.inf)
    np.maximum.at(last, index, points.log_c)
    return (points.log_c == last[index]) & (counts[index] > 1)
