"""Groups of runs less their reference, value by value of another column."""

from typing import TYPE_CHECKING

import numpy as np

from analysis.figures import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

APART = 0.12  # between groups, of the distance between values


def draw(
    found: "pd.DataFrame", each: str, by: str, metric: str, palette: style.Palette
) -> "Figure":
    """Differences of `table.groups.compared_each` with their intervals; returns the figure."""
    drawn, ax = style.figure(style.WIDE, palette)
    values, known = sorted(set(found[each])), found[found["difference"].notna()]
    names = sorted(set(known[by]))
    colours = [palette.main, palette.other, palette.good, palette.shades[2], palette.muted]
    for i, (name, colour) in enumerate(zip(names, colours * len(names), strict=False)):
        rows = known[known[by] == name]
        at = rows[each].map(values.index) + APART * (i - (len(names) - 1) / 2)
        mean = rows["difference"].to_numpy()
        reach = np.abs(rows[["low", "high"]].to_numpy().T - mean)
        look = {"fmt": "o", "markersize": 5, "capsize": 3, "color": colour, "label": name}
        ax.errorbar(at, mean, yerr=reach, **look)
    ax.axhline(0, color=palette.muted, linewidth=1)
    ax.set_xticks(range(len(values)), [style.short(x) if x < 1e6 else f"{x:.2g}" for x in values])
    ax.set_xlabel(each)
    ax.set_ylabel(f"{metric} less the reference's")
    style.legend(ax, palette)
    return drawn
