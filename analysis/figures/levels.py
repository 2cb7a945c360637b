"""What each noise level has left to lose, and how fast it falls with compute."""

import numpy as np
from matplotlib.figure import Figure

from analysis.figures import style
from analysis.laws.noise_levels import Level


def levels(found: list[Level], palette: style.Palette, size: tuple[float, float]) -> Figure:
    """The loss of the best run and E_t of each level; `fall` of each, with 95 % intervals."""
    narrow = size[0] < 5
    shape = {"rows": 2, "columns": 1} if narrow else {"rows": 1, "columns": 2}
    size = (size[0], size[1] * (1.5 if narrow else 0.85))
    drawn, (left, right) = style.figure(size, palette, **shape, sharex=True)
    t = np.array([np.mean(level.t) for level in found])
    left.plot(t, [level.loss for level in found], "o-", ms=4, color=palette.main, label="best run")
    _bars(left, t, found, "E", palette.other, "E, which no compute removes")
    _bars(right, t, found, "fall", palette.main, None)
    left.set_ylabel("validation loss")
    right.set_ylabel("exponent of its fall with compute")
    for axes in (right,) if narrow else (left, right):
        axes.set_xlabel("noise level t (0 data, 1 noise)")
        axes.set_ylim(bottom=0)
    style.legend(left, palette)
    return drawn


def _bars(axes, t, found, number, colour, label):
    """Points with their intervals; a level whose interval is not told has a bare point."""
    values = [getattr(level, number) for level in found]
    axes.plot(t, values, "s", ms=4, color=colour, label=label)
    for x, level in zip(t, found, strict=True):
        if level.intervals[number]:
            axes.plot([x, x], level.intervals[number], "-", lw=1.5, color=colour)
