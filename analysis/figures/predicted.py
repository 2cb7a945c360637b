"""What was predicted beside what came: a fan for each prediction, from where it was made."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import axes, style
from analysis.figures.scaling import runs_and_minima
from analysis.fitting.result import Fit
from analysis.frontier.prediction import Prediction


def predicted(
    rows: pd.DataFrame,
    fit: Fit,
    predictions: Mapping[str, Prediction],
    palette: style.Palette,
) -> Figure:
    """Loss against compute: runs, minima, and each prediction (by its name) with its interval."""
    drawn, ax = style.figure(style.WIDE, palette)
    colours = (palette.other, palette.good, palette.ink)
    for index, (name, told) in enumerate(predictions.items()):
        _fan(ax, name, told, colours[index % len(colours)])
    runs_and_minima(ax, rows, fit, palette)
    ahead = [one for told in predictions.values() for one in told.ahead]
    axes.compute_axis(ax, fit, [one.flops for one in ahead])
    lows = [(one.interval or [one.loss])[0] for one in ahead]
    losses = rows[fit.columns["loss"]]
    axes.loss_axis(ax, losses, low=min([*lows, losses.min()]))
    ax.set_ylabel("validation loss (lower is better)")
    style.legend(ax, palette, loc="upper right")
    style.remark(ax, palette, "bands and bars: 95 %")
    return drawn


def _fan(ax: Axes, name: str, told: Prediction, colour: str) -> None:
    """From the minimum that was the largest budget's then, over all that was said of later ones."""
    said = sorted(told.ahead, key=lambda one: one.flops)
    flops = [max(told.budgets), *(one.flops for one in said)]
    ax.plot(flops, [told.no_change, *(one.loss for one in said)], "--", color=colour, lw=1.5)
    bounded = [one for one in said if one.interval]
    lows, highs = zip(*(one.interval for one in bounded), strict=True) if bounded else ((), ())
    ends = [told.no_change, *lows], [told.no_change, *highs]
    where = [max(told.budgets), *(one.flops for one in bounded)]
    label = f"predicted, {name.replace('_', ' ')}"
    ax.fill_between(where, *ends, color=colour, alpha=0.12, lw=0, label=label)
    for end in ends:  # where bands lie over each other their ends tell them apart
        ax.plot(where, end, color=colour, lw=0.8, alpha=0.6)
