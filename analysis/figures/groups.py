"""Groups of runs beside each other: a panel for each metric."""

from typing import TYPE_CHECKING

import numpy as np

from analysis.figures import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def draw(
    found: dict[str, "pd.DataFrame"], by: str, reference: str, palette: style.Palette
) -> "Figure":
    """Of each metric its `table.groups.compared`: means of the groups, and about them the interval
    of the difference from the reference, whose mean is a line; returns the figure."""
    order = [reference, *sorted(set(next(iter(found.values()))[by]) - {reference})]
    drawn, axes = style.figure((7.2, 1.0 + 0.4 * len(order)), palette, columns=len(found))
    for ax, (metric, rows) in zip(np.atleast_1d(axes), found.items(), strict=True):
        rows = rows.set_index(by).loc[order[::-1]]
        ax.axvline(rows["mean"][reference], color=palette.grid)
        half = (rows["high"] - rows["difference"]).fillna(0)
        ax.errorbar(rows["mean"], range(len(rows)), xerr=half, fmt="o", color=palette.main)
        ax.set_yticks(range(len(rows)), rows.index if ax is np.atleast_1d(axes)[0] else [])
        ax.set_ylim(-0.5, len(rows) - 0.5)
        ax.set_xlabel(metric)
    return drawn
