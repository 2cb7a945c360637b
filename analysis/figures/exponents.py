"""Figure of several fits: best loss and best size against compute, each a line of its own."""

from collections.abc import Mapping

from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import style
from analysis.fitting.result import Fit

MARKS = "os^DvPX"


def draw(fits: Mapping[str, Fit], palette: style.Palette) -> Figure:
    """Left: minima with intervals and the law through them; right: best sizes and their law."""
    drawn, (left, right) = style.figure((7.2, 3.6), palette, columns=2)
    colours = [palette.main, palette.other, palette.good, palette.ink, palette.muted]
    for i, (name, fit) in enumerate(fits.items()):
        look = {"color": colours[i % len(colours)], "marker": MARKS[i % len(MARKS)]}
        _line(left, fit, "loss", fit.entry.curve, look, name)
        _line(right, fit, "size", fit.size_law and fit.size_law.curve, look, name)
    for ax, words in ((left, "best loss"), (right, "parameters of the best size")):
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlabel("training compute, FLOPs")
        ax.set_ylabel(words)
        style.plain_log_ticks(ax.yaxis, *ax.get_ylim(), form=style.short)
        ax.xaxis.set_minor_formatter(ticker.NullFormatter())
    style.remark(left, palette, "bars: 95 %; hollow: not fitted")
    drawn.legend(
        *left.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=len(fits),
        frameon=False,
        fontsize=8.5,
        labelcolor=palette.ink,
    )
    return drawn


def _line(ax: Axes, fit: Fit, key: str, curve: object, look: dict, name: str) -> None:
    """The minima of one fit, those not fitted hollow, and its law as far as they reach."""
    flops, values = zip(*((b.flops, getattr(b, key)) for b in fit.budgets), strict=True)
    ax.plot([], [], ms=4.5, label=name, **look)
    for budget, value in zip(fit.budgets, values, strict=True):
        filled = {} if budget.fitted else {"mfc": "none"}
        ax.plot(budget.flops, value, ls="", ms=4.5, **look, **filled)
    for budget in fit.budgets:
        if ends := getattr(budget, f"{key}_interval"):
            ax.plot([budget.flops] * 2, ends, color=look["color"], lw=1.2)
    if curve:
        pairs = zip(curve.flops, getattr(curve, key), strict=True)
        reached = [pair for pair in pairs if pair[0] <= flops[-1] * (1 + 1e-6)]
        ax.plot(*zip(*reached, strict=True), color=look["color"], lw=1.2)
