"""The scores of a results table: which columns they are, and what they are read against."""

from collections.abc import Sequence

import pandas as pd

from analysis.verdict.thresholds import LOWER_IS_BETTER

# Of the same clips: real ones, these through the autoencoder, others of the same first frame and
# caption, and what a baseline makes of them.
BOUNDS, BASELINES = ("real", "coded", "second_take"), ("still", "linear")
LOSSES = ("loss", "loss_ema", "loss_train")


def judged(rows: pd.DataFrame) -> list[str]:
    """Scores that stand beside the same of real clips: those that a verdict rests on.

    Any other, such as a position beside a still clip's, would take its share of the level.
    """
    return [n for n in rows.columns if f"{n}_se" in rows.columns and f"{n}_real" in rows.columns]


def names(rows: pd.DataFrame) -> list[str]:
    """Every score: what has an error and a direction, or stands beside that of real clips, and is
    no loss, bound, baseline or part.

    A part is a score at one frame ahead, NAME_01.
    """
    measured = [n for n in rows.columns if f"{n}_se" in rows.columns and n not in LOSSES]
    beside = {f"{n}_{other}" for n in measured for other in (*BOUNDS, *BASELINES)}
    told = [n for n in measured if f"{n}_lower_is_better" in rows or f"{n}_real" in rows]
    return [n for n in told if n not in beside and not _part(n, measured)]


def _part(name, measured):
    whole, _, number = name.rpartition("_")
    return number.isdecimal() and whole in measured


def labels(names: Sequence[str]) -> dict[str, str]:
    """Names for people. Distances between sets are called by all that they depend on
    (METRIC__FEATURES__HASH__...): the first two parts, and those that tell them from others."""
    groups: dict[tuple[str, ...], list[list[str]]] = {}
    for name in names:
        parts = name.split("__")
        groups.setdefault(tuple(parts[:2]), []).append(parts)
    return {name: _label(name.split("__"), groups) for name in names}


def _label(parts, groups):
    others = groups[tuple(parts[:2])]
    apart = (p for k, p in enumerate(parts) if any(other[k : k + 1] != [p] for other in others))
    return " ".join([*parts[:2], *apart]).replace("_", " ")


def constant(rows: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """Those that are the same of every run that has them: there is no curve to read."""
    return [name for name in names if rows[name].nunique() == 1]


def beside(rows: pd.DataFrame, name: str) -> dict[str, float]:
    """{"coded", "real", "still", ...: median} of what a score is read against."""
    found = {other: f"{name}_{other}" for other in (*BOUNDS, *BASELINES)}
    return {
        o: float(rows[c].median()) for o, c in found.items() if c in rows and rows[c].notna().any()
    }


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
