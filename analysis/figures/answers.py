"""How clearly scores answer to damage: a row a score, a column a kind and a strength."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colors
from matplotlib.figure import Figure

from analysis.figures import style
from analysis.table.answers import SEEN, Answer

SIZE = (9.5, 7.0)  # inches
LEVELS = (4, 6, 9, 13, 19, 28, 41)  # standard errors, where the shades change


def draw(found: Sequence[Answer], palette: style.Palette) -> Figure:
    """A cell is as dark as what it reads is worse, in standard errors; paper where that is within
    the error, a cross where more damage does not read as worse. Returns the figure."""
    found = [a for a in found if not np.isnan(a.errors).all()]
    rows = list(dict.fromkeys((a.data, a.score) for a in found))
    kinds = list(dict.fromkeys(a.kind for a in found))
    drawn, ax = style.figure(SIZE, palette)
    steps = len(found[0].errors)
    cells = np.full((len(rows), len(kinds) * steps), np.nan)
    for answer in found:
        row, column = rows.index((answer.data, answer.score)), kinds.index(answer.kind) * steps
        cells[row, column : column + steps] = answer.errors
        if not answer.monotone:
            ax.plot(column + steps / 2, row + 0.5, "x", color=palette.other, ms=5, mew=1.4)
    shades = colors.ListedColormap([palette.paper, *palette.shades[: len(LEVELS) + 1]])
    norm = colors.BoundaryNorm([SEEN, *LEVELS], shades.N, extend="both")
    drawn_cells = ax.pcolormesh(cells, cmap=shades, norm=norm, edgecolors=palette.grid, lw=0.4)
    _name(ax, palette, rows, kinds, steps)
    bar = drawn.colorbar(drawn_cells, ax=ax, shrink=0.5, ticks=[SEEN, *LEVELS])
    bar.ax.set_yticklabels([f"{tick:.3g}" for tick in (SEEN, *LEVELS)], color=palette.muted)
    bar.set_label("worse than undamaged, in standard errors", color=palette.ink)
    return drawn


def _name(ax, palette, rows, kinds, steps):
    ax.grid(False)
    ax.invert_yaxis()
    ax.xaxis.tick_top()
    ax.set_xticks([(k + 0.5) * steps for k in range(len(kinds))], kinds)
    ax.set_yticks([row + 0.5 for row in range(len(rows))], [f"{d}: {score}" for d, score in rows])
    ax.tick_params(length=0)
    for k in range(1, len(kinds)):
        ax.axvline(k * steps, color=palette.muted, lw=0.8)
    for row in range(1, len(rows)):
        if rows[row][0] != rows[row - 1][0]:
            ax.axhline(row, color=palette.muted, lw=0.8)
