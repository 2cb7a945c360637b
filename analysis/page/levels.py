"""The section of the laws of each noise level."""

import pandas as pd

from analysis.figures import levels as figures
from analysis.fitting.result import Fit
from analysis.laws import noise_levels
from analysis.page import elements
from analysis.table import columns
from vdit.errors import InputError

TITLE = "A law for each noise level"
MOST = 2000  # runs: beyond, ten more surfaces would take longer than the rest of the page
ELSEWHERE = f"<p>Not fitted here for more than {MOST:,} runs: analysis.fit --law noise_levels.</p>"


def section(rows: pd.DataFrame, fit: Fit) -> str:
    """Figure and table; "" where the levels were not measured or the runs do not tell a law."""
    loss = fit.columns["loss"]
    if not noise_levels.names(rows, loss):
        return ""
    if len(rows) > MOST:
        return elements.section("levels", TITLE, ELSEWHERE)
    try:
        found = noise_levels.levels(columns.assign(rows, **fit.columns).table, loss)
    except InputError:
        return ""
    return elements.section(
        "levels",
        TITLE,
        elements.figure(
            lambda palette, size: figures.levels(found, palette, size),
            "levels",
            "what no compute removes and how fast the loss falls, by noise level",
        ),
        elements.read(
            "Left: the loss of the best run of the largest budget, and below it what Chinchilla's "
            "law through all runs says that no compute removes. Right: how fast the best run's "
            "loss falls; 0.1 is 21 % less for ten times the compute."
        ),
        elements.table(["t", "loss", "E", "g", "fall"], [_row(level) for level in found]),
    )


def _row(level):
    cells = [f"{level.t[0]:.1f} to {level.t[1]:.1f}", f"{level.loss:.4f}"]
    for number in noise_levels.NUMBERS:
        between = level.intervals[number]
        words = f"{between[0]:.3f} to {between[1]:.3f}" if between else "not told"
        cells.append(f"{getattr(level, number):.3f}<small>{words}</small>")
    return cells
