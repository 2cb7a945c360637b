"""The axes that several figures share: compute in multiples, loss on a logarithmic scale."""

from collections.abc import Sequence

import numpy as np
from matplotlib import ticker
from matplotlib.axes import Axes

from analysis.figures import style
from analysis.fitting.result import Fit


def multiples(fit: Fit) -> list[str]:
    """Each budget as a multiple of the smallest, as text: 1×, 2×, ..."""
    flops = [budget.flops for budget in fit.budgets]
    return [times(f / flops[0]) for f in flops]


def times(factor: float) -> str:
    """A multiple as text: 1.41×, 1024×."""
    return f"{factor:.3g}×" if factor < 100 else f"{factor:.0f}×"


def compute_axis(ax: Axes, fit: Fit, further: Sequence[float] = ()) -> None:
    """Compute along x, a tick at each budget, and at those of `further` that lie beyond them."""
    flops = [budget.flops for budget in fit.budgets]
    beyond = [c for c in sorted(set(further)) if c > 1.02 * flops[-1]]
    labels = multiples(fit) + [times(c / flops[0]) for c in beyond]
    ax.set_xscale("log")
    ax.set_xlim(flops[0] / 1.35, beyond[-1] * 1.35 if beyond else flops[-1] * 2.4)
    ax.xaxis.set_major_locator(ticker.FixedLocator(flops + beyond))
    ax.xaxis.set_major_formatter(ticker.FixedFormatter(labels))
    ax.xaxis.set_minor_locator(ticker.NullLocator())
    ax.set_xlabel(compute_label(fit))


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
