"""The learning rate's curve at each width, standard and under muP."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.figures import style
from analysis.fitting.rates import Rates

TITLES = {"sp": "standard", "mup": "muP"}


def rates(
    table: pd.DataFrame,
    found: Rates,
    loss: str,
    palette: style.Palette,
    size: tuple[float, float],
) -> Figure:
    """Loss against learning rate: a dot a run, a curve a width, its minimum with an interval."""
    kinds = list(found.laws)
    drawn, axes = style.figure(size, palette, columns=len(kinds), sharey=True)
    axes = np.atleast_1d(axes)
    widths = sorted(table["width"].unique())
    for ax, kind in zip(axes, kinds, strict=True):
        for one in (one for one in found.cells if one.parameterization == kind):
            colour = palette.shade(widths.index(one.width) + 1, len(widths) + 1)
            both = (table["width"] == one.width) & (table["parameterization"] == kind)
            _width(ax, table[both], one, loss, colour)
        ax.set_xscale("log", base=2)
        ax.set_yscale("log")
        best = table[loss].min()
        ax.set_ylim(best / 1.03, min(table[loss].max() * 1.03, best * 2))
        style.plain_log_ticks(ax.yaxis, *ax.get_ylim())
        ax.set_xlabel(f"{TITLES.get(kind, kind)}: peak learning rate")
    axes[0].set_ylabel("validation loss")
    style.legend(axes[-1], palette, loc="upper left")
    return drawn


def _width(ax, rows, one, loss, colour):
    ax.plot(rows["lr"], rows[loss], "o", ms=3.5, mew=0, alpha=0.6, color=colour)
    curve = ([], []) if one.curve is None else one.curve
    ax.plot(*curve, color=colour, label=f"width {one.width}")
    if one.interval:
        low, high = one.interval
        ends = [[one.lr - low], [high - one.lr]]
        mark = {"fmt": "D", "ms": 6, "capsize": 4, "zorder": 5}
        ax.errorbar(one.lr, one.cell.loss, xerr=ends, color=colour, **mark)
