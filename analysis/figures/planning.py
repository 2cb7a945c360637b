"""The figure of a plan: loss and size against compute, and what a size off the best one costs."""

import numpy as np
from matplotlib.figure import Figure

from analysis.figures import style
from analysis.fitting.result import Fit
from analysis.planning import off_size, optimum
from analysis.planning.make import Plan

SIZE = (10.5, 3.5)  # inches
POINTS = 40
TIMES = np.geomspace(0.25, 4.0, 25)
TICKS = (0.25, 0.5, 1, 2, 4)


def plan(
    fit: Fit, planned: Plan, palette: style.Palette, size: tuple[float, float] = SIZE
) -> Figure:
    """Draw a plan of `planning.make.plan`, and the fit it was made from, in three panels."""
    drawn, (loss, best, off) = style.figure(size, palette, columns=3)
    source = optimum.source(fit, planned.law)
    flops = _grid(fit, planned)
    _curve(loss, flops, source.loss, palette, "expected loss")
    _curve(best, flops, source.size, palette, "best size")
    for ax, key in ((loss, "loss"), (best, "size")):
        _measured(ax, fit, key, palette)
        _planned(ax, planned, key, palette)
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlabel("training compute (FLOPs)")
        form = style.short if key == "size" else "{:.3g}".format
        style.plain_log_ticks(ax.yaxis, *ax.get_ylim(), form=form)
    loss.set_ylabel("validation loss")
    best.set_ylabel(f"best size ({fit.columns['params']})")
    style.legend(loss, palette, loc="upper right")
    _off(off, fit, planned, palette)
    return drawn


def _grid(fit, planned):
    known = [planned.flops, *(budget.flops for budget in fit.budgets)]
    low, high = min(known), max(known)
    return np.geomspace(low / 2, high * 2, POINTS) if low < high else low * np.geomspace(0.1, 10)


def _curve(ax, flops, law, palette, label):
    values = np.array([law(at) for at in flops])  # (C, 1 + P)
    _band(ax, flops, values, palette, label, "95 % interval")


def _band(ax, x, values, palette, label=None, interval=None):
    """The fit, the first of values (X, 1 + P), and 95 % of its resamples."""
    ax.plot(x, values[:, 0], color=palette.main, lw=1.6, label=label)
    if values.shape[1] > 1:
        low, high = np.percentile(values[:, 1:], [2.5, 97.5], axis=1)
        ax.fill_between(x, low, high, color=palette.main, alpha=0.18, lw=0, label=interval)


def _measured(ax, fit, key, palette):
    points = [(budget.flops, getattr(budget, key)) for budget in fit.budgets]
    if points:
        ax.plot(*zip(*points, strict=True), "o", ms=5, color=palette.main, label="a budget's best")


def _planned(ax, planned, key, palette):
    answer = getattr(planned, key)
    if answer.interval:
        ax.plot([planned.flops] * 2, answer.interval, color=palette.other, lw=2.2, zorder=5)
    mark = {"ms": 8, "mfc": palette.paper, "mec": palette.other, "mew": 1.8, "zorder": 6}
    ax.plot([planned.flops], [answer.value], "D", label="planned", **mark)


def _off(ax, fit, planned, palette):
    """Share by which the loss is higher against how far off the size is."""
    ratios = off_size.penalties(fit, planned.flops, TIMES)[1]
    if ratios is None:
        ax.set_axis_off()
        return
    _band(ax, TIMES, 100 * (np.array(ratios) - 1), palette)
    ax.plot([1], [0], "D", ms=8, mfc=palette.paper, mec=palette.other, mew=1.8, zorder=6)
    ax.set_xscale("log")
    ax.set_xticks(TICKS, [f"{times:g}×" for times in TICKS])
    ax.set_xticks([], minor=True)
    ax.set_ylim(bottom=min(0, ax.get_ylim()[0]))
    ax.set_xlabel("size, as a multiple of the best one")
    ax.set_ylabel("loss higher by (%)")
