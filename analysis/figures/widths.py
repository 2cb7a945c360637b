"""Figures of width: the learning rate's curve and the layers' outputs, standard and under muP."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from analysis.figures import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from analysis.fitting.rates import Rates

TITLES = {"sp": "standard", "mup": "muP"}
ENTRY = ("patches", "noise_level", "caption")  # where the model takes its inputs


def rates(
    table: "pd.DataFrame",
    found: "Rates",
    loss: str,
    palette: style.Palette,
    size: tuple[float, float],
) -> "Figure":
    """Loss against learning rate: a dot a run, a curve a width, its minimum with an interval."""
    drawn, axes, kinds = _panels(list(found.laws), palette, size)
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


def coordinates(
    table: "pd.DataFrame",
    found: Mapping[str, Mapping[str, float]],
    palette: style.Palette,
    size: tuple[float, float],
) -> "Figure":
    """Root mean square of every layer's output against width, a line a layer."""
    drawn, axes, kinds = _panels(list(found), palette, size)
    for ax, kind in zip(axes, kinds, strict=True):
        for layer in found[kind]:
            rows = table[(table["parameterization"] == kind) & (table["layer"] == layer)]
            colour = _part(layer, palette)[0]
            ax.plot(rows["width"], rows["rms"], "o-", ms=3, lw=1.1, alpha=0.75, color=colour)
        ax.set_xscale("log", base=2)
        ax.set_yscale("log")
        ax.set_xlabel(f"{TITLES.get(kind, kind)}: width")
    for colour, what in dict.fromkeys(_part(layer, palette) for layer in found[kinds[0]]):
        axes[0].plot([], [], "o-", ms=3, lw=1.1, color=colour, label=what)
    axes[0].set_ylabel("root mean square of a layer's output")
    style.legend(axes[0], palette, loc="upper left")
    return drawn


def _part(layer, palette):
    if layer.startswith(ENTRY):
        return palette.good, "inputs"
    return (palette.main, "blocks") if layer.startswith("stages") else (palette.other, "output")


def _panels(kinds, palette, size):
    """A panel for each parameterisation, side by side on one scale."""
    drawn, axes = style.figure(size, palette, columns=len(kinds), sharey=True)
    return drawn, list(np.atleast_1d(axes)), kinds
