"""Figures of model size: isoFLOP curves and the compute-optimal size."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.figures import axes, points, style
from analysis.fitting.result import Fit


def isoflop(
    rows: pd.DataFrame, fit: Fit, palette: style.Palette, size: tuple[float, float]
) -> Figure:
    """Loss against model size, one curve for each budget, its minimum marked."""
    drawn, ax = style.figure(size, palette)
    budgets, names = fit.budgets, axes.multiples(fit)
    for index, (budget, shown) in enumerate(zip(budgets, _drawn(budgets), strict=True)):
        colour = palette.shade(index, len(budgets))
        sizes, losses = np.array([budget.sizes, budget.losses])[:, shown]
        ax.plot(sizes, losses, "o", ms=4, color=colour)
        if budget.curve:
            ax.plot(budget.curve.size, budget.curve.loss, color=colour, lw=1.6)
            ax.plot(
                [budget.size],
                [budget.loss],
                "*",
                ms=11,
                mec=palette.paper,
                mew=0.8,
                color=palette.other,
                zorder=5,
            )
        else:
            ax.plot(sizes, losses, "--", color=colour, lw=1.2)
        name = names[index] if budget.curve else f"{names[index]} edge"
        ax.annotate(
            name,
            (sizes[-1], losses[-1]),
            xytext=(5, 0),
            va="center",
            textcoords="offset points",
            color=palette.ink,
            fontsize=8.5,
        )
    ax.set_xscale("log")
    every = [s for b in budgets for s in b.sizes]
    ax.set_xlim(min(every) / 1.2, max(every) * 1.6)
    style.plain_log_ticks(ax.xaxis, *ax.get_xlim(), form=style.short)
    axes.loss_axis(ax, rows[fit.columns["loss"]])
    ax.set_xlabel(f"model size ({fit.columns['params']})")
    ax.set_ylabel("validation loss")
    return drawn


def _drawn(budgets):
    """Which points of each budget are drawn."""
    sizes = np.concatenate([budget.sizes for budget in budgets])
    losses = np.concatenate([budget.losses for budget in budgets])
    edges = np.cumsum([len(budget.sizes) for budget in budgets])[:-1]
    return np.split(points.drawn(sizes, losses), edges)


def best_size(fit: Fit, palette: style.Palette, size: tuple[float, float]) -> Figure:
    """The compute-optimal size against compute, with its power law."""
    drawn, ax = style.figure(size, palette)
    curve = fit.size_law.curve
    if curve:
        each = np.array([curve.flops, curve.size, curve.low, curve.high])
        flops, best, low, high = each[:, each[0] <= 2.4 * fit.budgets[-1].flops]
        label = "N* ∝ C" + style.raised(f"{fit.size_law.parameters['a']:.2f}")
        ax.plot(flops, best, color=palette.main, lw=1.6, label=label)
        ax.fill_between(
            flops, low, high, color=palette.main, alpha=0.18, lw=0, label="95 % interval"
        )
    for b in fit.budgets:
        used = b.estimator == fit.estimator
        ax.plot(
            [b.flops],
            [b.size],
            "o",
            ms=6,
            color=palette.main,
            mfc=palette.main if used else "none",
        )
        if b.size_interval:
            ax.plot([b.flops] * 2, b.size_interval, color=palette.main, lw=1.4)
    axes.compute_axis(ax, fit)
    ax.set_yscale("log")
    style.plain_log_ticks(ax.yaxis, *ax.get_ylim(), form=style.short)
    ax.set_ylabel(f"best size ({fit.columns['params']})")
    if curve:
        style.legend(ax, palette, loc="upper left")
    return drawn
