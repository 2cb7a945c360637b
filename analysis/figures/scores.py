"""Scores over compute, a panel for each."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from analysis.figures import axes, style
from analysis.fitting.result import Fit
from analysis.laws import metric
from analysis.scores import columns
from analysis.scores.curve import Curve

ACROSS = {True: 1, False: 3}  # panels beside each other, on a narrow and on a wide page
HEIGHT = 2.1  # inches of a panel
LINES = {
    "coded": "--",
    "real": ":",
    "still": "-.",
    "linear": (0, (1, 3)),
    "second_take": (0, (8, 3)),
}
MARGIN = 1.25  # times of compute beyond the ends of a law's line


def scores(
    found: Sequence[Curve], fit: Fit, palette: style.Palette, size: tuple[float, float]
) -> Figure | None:
    """The points of every score with their errors, its law of compute, and what it stands beside.

    `found`: `analysis.scores.curve.Curve`s; None where there are none.
    """
    if not found:
        return None
    across = min(ACROSS[size[0] < 5], len(found))
    rows = math.ceil(len(found) / across)
    shape = (size[0], HEIGHT * rows + 0.5)
    drawn, panels = style.figure(shape, palette, rows=rows, columns=across, sharex=True)
    panels = np.atleast_1d(panels).ravel()
    labels = columns.labels([curve.name for curve in found])
    for ax, curve in zip(panels, found, strict=False):
        _panel(ax, curve, labels[curve.name], fit, palette)
    for ax in panels[len(found) :]:
        ax.set_visible(False)
    drawn.supxlabel(axes.compute_label(fit), fontsize=9, color=palette.ink)
    told = [ax.get_legend_handles_labels() for ax in panels]
    handles = {label: h for pair in told for h, label in zip(*pair, strict=True)}
    looks = {"frameon": False, "fontsize": 8.5, "labelcolor": palette.ink}
    beside = 2 if across == 1 else 5
    drawn.legend(
        handles.values(), handles.keys(), loc="outside upper center", ncols=beside, **looks
    )
    return drawn


def _panel(ax, curve, label, fit, palette):
    flops = np.array([p.flops for p in curve.points])
    for name, value in curve.beside.items():
        ax.axhline(value, ls=LINES[name], color=palette.muted, lw=1.2, label=name)
    if curve.of_compute.parameters:
        along = np.geomspace(flops[0] / MARGIN, flops[-1] * MARGIN, 60)
        line = metric.predict(curve.of_compute, along).value
        ax.plot(along, line, color=palette.main, lw=1.4, label="law of compute")
    values, errors = (np.array([getattr(p, of) for p in curve.points]) for of in ("value", "error"))
    ax.errorbar(
        flops,
        values,
        1.96 * errors,
        fmt="o",
        ms=4,
        lw=1.2,
        color=palette.main,
        label="best run, 95 %",
    )
    axes.compute_axis(ax, fit)
    ax.set_xlabel("")
    ax.tick_params(axis="x", labelsize=7)
    arrow = "↓" if curve.lower_is_better else "↑"
    ax.set_title(f"{label} {arrow}", fontsize=9)
