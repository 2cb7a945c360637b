"""Metrics against compute."""

from typing import TYPE_CHECKING

from analysis.figures import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def draw(found: "pd.DataFrame", palette: style.Palette, unit: str = "") -> "Figure":
    """A line for each metric of `table.budgets.means`, its baseline dashed; returns the figure."""
    from matplotlib import ticker

    drawn, ax = style.figure(style.WIDE, palette)
    metrics = list(dict.fromkeys(found["metric"]))
    colours = [palette.main, palette.other, palette.good, palette.shades[2], palette.muted]
    for metric, colour in zip(metrics, colours * len(metrics), strict=False):
        rows = found[found["metric"] == metric]
        at = rows["flops_budget"]
        look = {"color": colour, "label": metric, "marker": "o", "markersize": 4, "capsize": 2}
        ax.errorbar(at, rows["mean"], yerr=1.96 * rows["se"], linewidth=1.6, **look)
        if "baseline" in rows:
            ax.plot(at, rows["baseline"], color=colour, linestyle="--", linewidth=1)
    ax.set_xscale("log")
    flops = sorted(set(found["flops_budget"]))
    ax.xaxis.set_major_locator(ticker.FixedLocator(flops))
    ax.xaxis.set_major_formatter(ticker.FixedFormatter([f"{f / flops[0]:.3g}×" for f in flops]))
    ax.xaxis.set_minor_locator(ticker.NullLocator())
    ax.set_xlabel(f"training compute (1× = {style.scientific(flops[0])} FLOPs)")
    ax.set_ylabel(unit or "metric")
    ax.set_ylim(bottom=0)
    style.legend(ax, palette)
    return drawn
