"""The scores of a results table: which columns they are, and what they are read against."""

from collections.abc import Sequence

import pandas as pd

from analysis.verdict.thresholds import LOWER_IS_BETTER

# Of the same clips: real ones, these through the autoencoder, and what a baseline makes of them.
BOUNDS, BASELINES = ("real", "coded"), ("still", "linear")
LOSSES = ("loss", "loss_ema", "loss_train")


def judged(rows: pd.DataFrame) -> list[str]:
    """Scores that stand beside the same of real clips: those that a verdict rests on.

    Any other, such as a position beside a still clip's, would take its share of the level.
    """
    return [n for n in rows.columns if f"{n}_se" in rows.columns and f"{n}_real" in rows.columns]


def names(rows: pd.DataFrame) -> list[str]:
    """Every score: what has an error and a direction, and is no loss, bound, baseline or part.

    A part is a score at one frame ahead, NAME_01.
    """
    measured = [n for n in rows.columns if f"{n}_se" in rows.columns and n not in LOSSES]
    beside = {f"{n}_{other}" for n in measured for other in (*BOUNDS, *BASELINES)}
    return [n for n in measured if n not in beside and not _part(n, measured)]


def _part(name, measured):
    whole, _, number = name.rpartition("_")
    return number.isdecimal() and whole in measured


def beside(rows: pd.DataFrame, name: str) -> dict[str, float]:
    """{"coded", "real", "still", "linear": median} of what a score is read against."""
    found = {other: f"{name}_{other}" for other in (*BOUNDS, *BASELINES)}
    return {o: float(rows[c].median()) for o, c in found.items() if c in rows and rows[c].any()}


def lower_is_better(rows: pd.DataFrame, name: str) -> bool:
    """The direction of a score: as its records say, else (an older table) by its name."""
    flag = rows.get(f"{name}_lower_is_better", pd.Series(dtype=object)).dropna()
    return name in LOWER_IS_BETTER if flag.empty else str(flag.iloc[0]) in ("True", "1.0")


def distinct(rows: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """The scores without those that repeat an earlier one in every row."""
    kept = []
    for name in names:
        if not any(rows[name].equals(rows[other]) for other in kept):
            kept.append(name)
    return kept
