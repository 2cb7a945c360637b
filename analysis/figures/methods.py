"""Figure of the methods: what each predicts for held-out budgets, and how far off it was."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.figures import axes, points, style
from analysis.fitting.result import Fit
from analysis.frontier.backtest import NO_CHANGE
from analysis.frontier.runs import LAWS as ROW_LAWS

HELD_OUT = 2  # budgets kept from the drawn fits, where there are enough
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")


def methods(
    rows: pd.DataFrame, fit: Fit, palette: style.Palette, size: tuple[float, float]
) -> Figure:
    """Left: the frontier and every method fitted to its first budgets; right: errors by horizon.

    `fit` holds budgets and the rollout of `frontier.rollout`, made from `rows`.
    """
    narrow = size[0] < 5
    shape = {"rows": 2, "columns": 1} if narrow else {"rows": 1, "columns": 2}
    height = size[1] * (1.8 if narrow else 1.0)
    drawn, (left, right) = style.figure((size[0], height), palette, **shape)
    tried = fit.rollout
    looks = _looks(tried, palette)
    _frontier(left, rows, fit, looks, palette)
    _errors(right, tried, looks)
    handles, labels = left.get_legend_handles_labels()
    drawn.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=3 if narrow else 5,
        frameon=False,
        fontsize=8.5,
        labelcolor=palette.ink,
    )
    return drawn


def _looks(tried, palette):
    """Colour, line and mark of every method: laws in compute in one colour, of runs in another."""
    runs = [m for m in ROW_LAWS if m in tried.rms]
    compute = [m for m in tried.rms if m not in (*runs, NO_CHANGE)]
    looks = {NO_CHANGE: dict(color=palette.muted, ls=":", marker="_")}
    for names, colour in ((compute, palette.main), (runs, palette.other)):
        for i, name in enumerate(names):
            line = ("-", "--", "-.", ":")[i % 4]
            looks[name] = dict(color=colour, ls=line, marker=MARKS[i])
    return looks


def _frontier(ax, rows, fit, looks, palette):
    """Each method's lines fan out from the last budget it was fitted to."""
    tried = fit.rollout
    flops, loss = np.array([(b.flops, b.loss) for b in fit.budgets]).T
    fitted = _split(tried)
    seen = [trial.flops for trial in tried.trials if trial.fitted == fitted]
    known = flops < min(seen, default=np.inf) * (1 - 1e-6)
    shown = rows[points.drawn(rows["flops_budget"], rows[fit.columns["loss"]])]
    ax.plot(shown["flops_budget"], shown[fit.columns["loss"]], "o", ms=2.5, mew=0, alpha=0.4,
            color=palette.muted, label="a run")  # fmt: skip
    lowest = [loss.min()]
    for name, look in looks.items():
        _fan(ax, flops[known][-1], loss[known][-1], _path(tried, name, fitted), look, label=name)
        _fan(ax, flops[-1], loss[-1], _next(tried, name), look, alpha=0.6)
        lowest += [point[1] for point in (*_path(tried, name, fitted), *_next(tried, name))]
    ax.plot(flops[known], loss[known], "o", ms=6, color=palette.ink, label="fitted", zorder=4)
    ax.plot(flops[~known], loss[~known], "o", ms=9, mfc="none", mew=1.6, color=palette.ink,
            label="held out", zorder=5)  # fmt: skip
    axes.compute_axis(ax, fit)
    ax.set_xlim(right=max(ax.get_xlim()[1], 1.2 * tried.next_.flops))
    axes.loss_axis(ax, loss, low=min(lowest))
    ax.set_ylabel("validation loss (lower is better)")


def _split(tried):
    """How many budgets the drawn fits saw: HELD_OUT fewer than all, as far as there were trials."""
    tests = [trial.fitted for trial in tried.trials]
    return max(max(tests) + 1 - HELD_OUT, min(tests)) if tests else 0


def _path(tried, name, fitted):
    """Predictions (flops, loss) of one method from the drawn split, by compute."""
    return [
        (trial.flops, trial.predicted[name])
        for trial in tried.trials
        if trial.fitted == fitted and name in trial.predicted
    ]


def _next(tried, name):
    """The prediction of the budget to come, from all budgets."""
    coming = tried.next_
    return [(coming.flops, coming.predicted[name])] if name in coming.predicted else []


def _fan(ax, flops, loss, path, look, **options):
    if path:
        x, y = np.array([(flops, loss), *path]).T
        ax.plot(x, y, lw=1.2, ms=4, mfc="none", zorder=3, markevery=slice(1, None),
                **look, **options)  # fmt: skip


def _errors(ax, tried, looks):
    """Rms error of each method against how many budgets ahead it looked."""
    most = 0.0
    for name, look in looks.items():
        rms = {h: 100 * v for h, v in tried.horizons[name].items() if v is not None}
        ax.plot(list(rms), list(rms.values()), lw=1.3, ms=5, mfc="none", **look)
        most = max([most, *rms.values()])
    ax.set_xticks(tried.ahead or [1])
    ax.set_ylim(0, most * 1.05 or 1)
    ax.set_xlabel("budgets ahead")
    ax.set_ylabel("rms error of the prediction (%)")
