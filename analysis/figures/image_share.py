"""The loss of each share of images, between that of clips alone with and without its compute."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.figures import style


def draw(found: pd.DataFrame, metric: str, palette: style.Palette) -> Figure:
    """`table.image_share.compared`, a panel for each budget; returns the figure."""
    budgets = sorted(set(found["flops_budget"]))
    drawn, axes = style.figure(style.WIDE, palette, columns=len(budgets))
    for ax, budget in zip(np.atleast_1d(axes), budgets, strict=True):
        rows = found[found["flops_budget"] == budget]
        at, half = rows["share"], rows["cost_high"] - rows["cost"]
        ax.errorbar(
            at, rows["mixed"], yerr=half, fmt="o-", capsize=3, color=palette.main,
            label="with images (interval of the difference)",
        )  # fmt: skip
        ax.plot(at, rows["left"], "s--", color=palette.other, label="without: clips' part alone")
        ax.axhline(rows["alone"].mean(), color=palette.muted, label="clips alone, all compute")
        ax.set_xticks(at)
        ax.set_title(f"{style.scientific(budget)} FLOPs", color=palette.ink, fontsize=9)
        ax.set_xlabel("share of images")
    np.atleast_1d(axes)[0].set_ylabel(f"{metric} on clips")
    lines, labels = ax.get_legend_handles_labels()
    told = {"loc": "outside lower center", "ncols": len(lines), "labelcolor": palette.ink}
    drawn.legend(lines, labels, frameon=False, fontsize=8.5, **told)
    return drawn
