"""Rows that must not enter a fit, each with its reason; nothing is left out without a word.

blank        a number that the fit needs is missing
diverged     the loss is not finite, or not below that of predicting nothing, or a column says so
failed       a column of states says so (`states`)
unfinished   the schedule had not ended, or under 90 % of the budget was spent, or a column says so;
             un-annealed checkpoints enter laws of runs when asked for
duplicate    repeats another row (`duplicates`): an error, for which of the two is right is not ours
             to say, unless it is asked that the first be kept
unstable     far above the fitted law, unlike its neighbours: left out only when asked for
spiked       the loss of the run spiked in training, by the column `spikes`: likewise
unannealed   before the last row of its run, in a table that does not say whether the schedule had
             ended there: likewise

The last three are flagged, not dropped: the rows were measured, Huber's loss already bounds their
pull, and leaving out points because they miss the law makes any law look right.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.table import columns, duplicates, runs, schema, states
from analysis.table.dropped import Dropped, Flagged
from vdit.errors import InputError

FINISHED = 0.9  # share of its budget that a finished run has spent
UNSTABLE = 5.0  # robust standard deviations of the log residual above the law
LEAST_SPREAD = 1e-3  # a relative scatter below this is not believed
FEWEST = 8  # rows from which a scatter is judged
# Reasons that only a request leaves rows out for.
OPTIONAL = ("unstable", "spiked", "unannealed", "duplicate")
SPIKED = "the training loss jumped"
EARLIER = "before the last row of its run, and no column says that its schedule had ended"


def clean(
    table: pd.DataFrame,
    unannealed: bool = False,
    worst: float | None = None,
    drop: Sequence[str] = (),
    name: str = "table",
    needed: Sequence[str] = (),
) -> tuple[pd.DataFrame, list[Dropped]]:
    """(rows that may be fitted, [Dropped]) of a table of roles (`columns.assign`).

    `worst` is the loss of predicting nothing, `needed` are roles whose blanks leave a row out.
    InputError for duplicates unless `drop` names them.
    """
    found = []
    reasons = {"blank": _blank(table, needed), "diverged": _diverged(table, worst)}
    reasons["failed"] = _by_state(table, "failed")
    if not unannealed:
        reasons["unfinished"] = _unfinished(table)
    if "spiked" in drop:
        reasons["spiked"] = [(SPIKED, spiked(table))]
    left = np.ones(len(table), bool)
    for reason, tests in reasons.items():
        for words, bad in tests:
            bad = np.asarray(bad) & left
            if bad.any():
                found.append(Dropped.of(table[bad], reason, words))
                left &= ~bad
    rows = table[left]
    repeats = list(_duplicates(rows, "duplicate" in drop, name))  # what is out may well be twice
    found += [Dropped.of(rows[twice], "duplicate", words) for words, twice in repeats]
    rows = rows[~np.any([twice for _, twice in repeats], axis=0)] if repeats else rows
    if "unannealed" in drop and (bad := runs.earlier(rows)).any():  # of what is left of each run
        found.append(Dropped.of(rows[bad], "unannealed", EARLIER))
        rows = rows[~bad]
    return rows, found


def annealed(table: pd.DataFrame) -> np.ndarray:
    """(R,) False where the schedule had not ended, of a trunk, say; by the column `annealed`."""
    if "annealed" not in table.columns:
        return np.ones(len(table), bool)
    try:
        return states.annealed(table["annealed"])
    except ValueError as word:
        raise InputError(f"annealed is {str(word)!r}, expected yes or no") from None


def unfinished(table: pd.DataFrame) -> np.ndarray:
    """(R,) True where a row of a table of roles is of a run that had not ended, for any reason."""
    return np.any([bad for _, bad in _unfinished(table)], axis=0)


def spiked(table: pd.DataFrame) -> np.ndarray:
    """(R,) True where the training loss of a row's run jumped, by the column `spikes`."""
    if "spikes" not in table.columns:
        return np.zeros(len(table), bool)
    return columns.numbers(table, "spikes") > 0


def flagged(table: pd.DataFrame) -> list[Flagged]:
    """What may be wrong with rows that a fit kept, other than what the law says of them."""
    doubts = {"spiked": (SPIKED, spiked(table)), "unannealed": (EARLIER, runs.earlier(table))}
    return [
        Flagged.of(table[bad], reason, words)
        for reason, (words, bad) in doubts.items()
        if bad.any()
    ]


def _blank(table, needed):
    for role in needed:
        if role not in ("loss", "metric", "budget") and role in table.columns:
            yield f"no {role}", table[role].isna()


def _diverged(table, worst):
    loss = columns.numbers(table, "loss")
    yield "the loss is blank, nan or infinite", ~np.isfinite(loss)
    if worst is not None:
        yield f"the loss is not below {worst:g}, that of predicting nothing", loss >= worst
    yield from _by_state(table, "diverged")


def _unfinished(table):
    yield "the schedule had not ended", ~annealed(table)
    if {"flops", "budget"} <= set(table.columns):
        flops, budget = columns.numbers(table, "flops"), columns.numbers(table, "budget")
        yield f"under {FINISHED:.0%} of the budget was spent", flops < FINISHED * budget
    yield from _by_state(table, "unfinished")


def _by_state(table, reason):
    for column in states.columns(table):
        yield f"by its {column}", states.reasons(table[column]) == reason


def _duplicates(table, drop, name):
    """(words, rows) of each kind; each row once. InputError unless they may be left out."""
    known = np.zeros(len(table), bool)
    for words, twice in duplicates.find(table):
        twice = np.asarray(twice) & ~known
        known |= twice
        if twice.any() and not drop:
            at = int(np.flatnonzero(twice)[0])
            raise InputError(
                f"{name}: {schema.row_name(table, at)}: {words}, expected one row per checkpoint "
                f"({int(twice.sum())} such; --drop duplicate keeps the first of each)"
            )
        if twice.any():
            yield words, twice


def unstable(residual: np.ndarray) -> np.ndarray:
    """True where a log residual (rows,) lies `UNSTABLE` robust deviations above the median.

    The deviation is 1.4826 times the median absolute one, and at least `LEAST_SPREAD`.
    """
    residual = np.asarray(residual, float)
    if len(residual) < FEWEST:
        return np.zeros(len(residual), bool)
    above = residual - np.median(residual)
    spread = max(1.4826 * float(np.median(np.abs(above))), LEAST_SPREAD)
    return above > UNSTABLE * spread
