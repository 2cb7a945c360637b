"""The axes that several figures share: compute in multiples, loss on a logarithmic scale."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib import ticker
from matplotlib.axes import Axes

from analysis.figures import style
from analysis.fitting.result import Fit

CHARACTER, GAP = 0.08, 0.04  # inches: of a label at 9 points, and after it
LENGTH = 0.85  # of an axis, as a share of its panel's width


def multiples(fit: Fit) -> list[str]:
    """Each budget as a multiple of the smallest, as text: 1×, 2×, ..."""
    flops = [budget.flops for budget in fit.budgets]
    return [times(f / flops[0]) for f in flops]


def times(factor: float) -> str:
    """A multiple as text: 1.41×, 1024×."""
    return f"{factor:.3g}×" if factor < 100 else f"{factor:.0f}×"


def compute_axis(ax: Axes, fit: Fit, further: Sequence[float] = ()) -> None:
    """Compute along x, a tick at each budget, and at those of `further` that lie beyond them.

    Where not all labels have room each second, third, ... tick has one, from the first on.
    """
    flops = [budget.flops for budget in fit.budgets]
    beyond = [c for c in sorted(set(further)) if c > 1.02 * flops[-1]]
    labels = multiples(fit) + [times(c / flops[0]) for c in beyond]
    ax.set_xscale("log")
    ax.set_xlim(flops[0] / 1.35, beyond[-1] * 1.35 if beyond else flops[-1] * 2.4)
    ax.xaxis.set_major_locator(ticker.FixedLocator(flops + beyond))
    ax.xaxis.set_major_formatter(ticker.FixedFormatter(_with_room(ax, labels)))
    ax.xaxis.set_minor_locator(ticker.NullLocator())
    ax.set_xlabel(compute_label(fit))


def _with_room(ax: Axes, labels: Sequence[str]) -> list[str]:
    """The labels, those without room empty."""
    room = LENGTH * ax.figure.get_figwidth() / ax.get_gridspec().ncols
    every = math.ceil(len(labels) * (CHARACTER * max(map(len, labels)) + GAP) / room)
    return [label if place % every == 0 else "" for place, label in enumerate(labels)]


def compute_label(fit: Fit) -> str:
    """What compute is counted in."""
    return f"training compute (1× = {style.scientific(fit.budgets[0].flops)} FLOPs)"


def loss_axis(ax: Axes, losses: np.ndarray, low: float | None = None) -> None:
    """Loss along y, logarithmic, with room about `losses` (down to `low`)."""
    low, high = (losses.min() if low is None else low), losses.max()
    room = (high / low) ** 0.06
    ax.set_yscale("log")
    ax.set_ylim(low / room, high * room)
    style.plain_log_ticks(ax.yaxis, *ax.get_ylim())
