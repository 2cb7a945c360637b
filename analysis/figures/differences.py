"""Two checkpoints, score by score, in standard errors."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from analysis.figures import style
from analysis.scores import columns
from analysis.scores.checkpoints import Difference
from analysis.scores.noise import level

ROW = 0.26  # inches of a score


def differences(
    found: Sequence[Difference], palette: style.Palette, size: tuple[float, float]
) -> Figure:
    """How many standard errors the second is better by; within the band it is not told.

    Scores without an error are left out.
    """
    known = [d for d in found if d.error]
    labels = columns.labels([d.name for d in known])
    drawn, ax = style.figure((size[0], 0.9 + ROW * len(known)), palette)
    reach = level(max(len(found), 1))
    ax.axvspan(-reach, reach, color=palette.grid, label=f"not told ({reach:.1f} errors)")
    for at, d in enumerate(reversed(known)):
        better = (-1 if d.lower_is_better else 1) * d.difference / d.error
        colour = palette.muted if d.better == "not told" else palette.main
        ax.plot([0, better], [at, at], color=colour, lw=1.4)
        ax.plot([better], [at], "o", ms=5, color=colour)
    ax.set_yticks(range(len(known)), [labels[d.name] for d in reversed(known)])
    ax.set_xlabel("first is better ←  standard errors  → second is better")
    style.legend(ax, palette, loc="lower right")
    return drawn
