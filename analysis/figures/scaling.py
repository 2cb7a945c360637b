"""Figures of loss: each is made by one function from a table and a fit."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import axes, points, style
from analysis.fitting.result import Fit
from analysis.verdict.checks import Check

STEP = 1.2  # more than between two points of the drawn forecast: its parts meet


def scaling(
    rows: pd.DataFrame,
    fit: Fit,
    palette: style.Palette,
    size: tuple[float, float],
    prediction: Check | None = None,
) -> Figure:
    """Loss against compute: runs, minima, the forecast, and the prediction with what came."""
    drawn, ax = style.figure(size, palette)
    loss = fit.columns["loss"]
    if fit.curve:
        _forecast(ax, fit, palette)
    runs_and_minima(ax, rows, fit, palette)
    if prediction:
        _predicted(ax, prediction, palette)
    axes.compute_axis(ax, fit)
    if fit.curve:
        ax.set_xlim(right=1.2 * fit.curve.flops[-1])
    lowest = [_bottom(fit), rows[loss].min()]
    if prediction and prediction.interval:
        lowest.append(prediction.interval[0])
    axes.loss_axis(ax, rows[loss], low=min(lowest))
    ax.set_ylabel("validation loss (lower is better)")
    style.legend(ax, palette, loc="upper right", ncols=1 if size[0] < 5 else 2)
    return drawn


def runs_and_minima(ax: Axes, rows: pd.DataFrame, fit: Fit, palette: style.Palette) -> None:
    """A small dot for each run, a large one with its interval for the best of each budget."""
    loss = fit.columns["loss"]
    shown = rows[points.drawn(rows["flops_budget"], rows[loss])]
    ax.plot(
        shown["flops_budget"],
        shown[loss],
        "o",
        ms=3,
        color=palette.muted,
        alpha=0.45,
        mew=0,
        label="a run",
    )
    _frontier_points(ax, fit, palette)


def _forecast(ax, fit, palette):
    """The mixture of laws with its interval, dashed and fainter beyond what was run."""
    known, banded = vars(fit.curve), fit.curve.low is not None
    curve = pd.DataFrame({name: values for name, values in known.items() if values is not None})
    largest = fit.budgets[-1].flops * (1 + 1e-6)
    for part, line, alpha, label in (
        (curve.flops <= largest, "-", 0.22, "all laws, by their weight"),
        (curve.flops >= largest / STEP, "--", 0.12, "forecast, 95 %"),
    ):
        drawn = curve[part]
        ax.plot(drawn.flops, drawn.loss, line, color=palette.main, lw=1.6, label=label)
        if banded:
            ends = drawn.low, drawn.high
            ax.fill_between(drawn.flops, *ends, color=palette.main, alpha=alpha, lw=0)
    power = fit.laws["power"].curve
    if power:
        ax.plot(power.flops, power.loss, ":", color=palette.muted, lw=1.4, label="power law")


def _frontier_points(ax, fit, palette):
    good = [b for b in fit.budgets if b.estimator == fit.estimator]
    poor = [b for b in fit.budgets if b.estimator != fit.estimator]
    look = {"ms": 6, "color": palette.main, "zorder": 4}
    for budgets, filled, label in (
        (good, palette.main, "best of a budget"),
        (poor, "none", "best at the edge (not fitted)"),
    ):
        if budgets:
            flops, losses = [b.flops for b in budgets], [b.loss for b in budgets]
            ax.plot(flops, losses, "o", mfc=filled, label=label, **look)
    for b in good:
        if b.loss_interval:
            ax.plot([b.flops] * 2, b.loss_interval, color=palette.main, lw=1.4, zorder=4)


def _predicted(ax, check, palette):
    flops, low_high = check.flops, check.interval
    if low_high:
        ax.plot([flops] * 2, low_high, color=palette.other, lw=2.2, solid_capstyle="butt", zorder=5)
    if path := check.curve:
        ax.plot(path.flops, path.loss, "--", color=palette.other, lw=1.3, zorder=3)
    label = "predicted beforehand" if check.before else "predicted"
    ax.plot(
        [flops],
        [check.predicted],
        "D",
        ms=7,
        mfc="none",
        mec=palette.other,
        mew=1.8,
        label=label,
        zorder=6,
    )
    ax.plot(
        [flops],
        [check.no_change],
        "_",
        ms=14,
        mew=1.8,
        color=palette.muted,
        label="“no change”",
        zorder=5,
    )


def _bottom(fit):
    """The lowest point of the drawn band, kept in view unless it falls far below the runs."""
    lowest = min(min(budget.losses) for budget in fit.budgets)
    drawn = (fit.curve.low or fit.curve.loss) if fit.curve else [lowest]
    return max(min(drawn), 0.7 * lowest)
