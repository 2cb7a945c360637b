"""Rows that repeat another: a row written twice, or one run under two names.

A row is written twice where it has an earlier one's run and steps, or is the same in every column
but those that number the rows. It is a run under two names where only names, identifiers and dates
of the record differ, and the loss, of `DIGITS` significant digits or more, does not: noise alone
makes two runs differ in the fourth. Seeds that differ, in a column or in a name, are two runs.
"""

import re
from collections.abc import Iterator
from decimal import Decimal

import numpy as np
import pandas as pd

from analysis.table import names, units

DIGITS = 4
SEED = re.compile(r"(?<![a-z])s(?:eed)?[-_= ]?(\d+)", re.IGNORECASE)
NAMED = "name display_name id uuid hash key url link path fingerprint trunk group"
DATED = "created created_at updated updated_at synced_at"  # of the record, not of the run
WORDS = {*names.SYNONYMS["group"].split(), *NAMED.split(), *DATED.split(), *names.INDEX}


def find(table: pd.DataFrame) -> Iterator[tuple[str, np.ndarray]]:
    """(words, (R,) True where a row of a table of roles repeats an earlier one) of each kind."""
    counts = [c for c in table.columns if _counts(table, c)]
    if {"run_id", "steps"} <= set(table.columns):
        yield "run_id and steps as in an earlier row", table.duplicated(["run_id", "steps"])
    else:
        index = [c for c in table.columns if names.plain(c) in names.INDEX]
        same = table.columns.difference([*index, *counts], sort=False)
        yield "the same in every column as an earlier row", table.duplicated(same)
    labels = [c for c in table.columns if _identifies(table, c)]
    if labels:
        rest = table.drop(columns={*labels, *counts})
        seeds = {f"seed in {c}": table[c].astype(str).str.extract(SEED)[0] for c in labels}
        twice = pd.concat([rest, pd.DataFrame(seeds)], axis=1).duplicated()
        but = ", ".join([c for c in labels if c != "group"][:3]) or "its run"
        what = f"the same as an earlier row but for {but}, the loss to its last digit"
        yield f"{what} (a column such as seed tells runs apart)", twice & _precise(table)


def _counts(table, column):
    """True where a column numbers the rows, whatever it is called."""
    number = pd.to_numeric(table[column], errors="coerce")
    return len(number) > 1 and bool((number - table.index == number.iloc[0]).all())


def _identifies(table, column):
    """True where a column names rows: by its own name, or as words of which no two are the same."""
    word = names.plain(column)
    if word in WORDS or re.search(r"_(id|uuid|hash|url)$", word):
        return True
    values = table[column]
    if pd.api.types.is_numeric_dtype(values) or values.isna().any() or not values.is_unique:
        return False
    return bool(pd.to_numeric(units.read(values), errors="coerce").isna().any())


def _precise(table):
    """(R,) True where the loss, as its column is written, has `DIGITS` significant digits."""
    loss = pd.to_numeric(table["loss"], errors="coerce").astype(float)
    written = (Decimal(repr(x)).as_tuple().exponent for x in loss[np.isfinite(loss)])
    places = -min(written, default=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.floor(np.log10(loss)) + 1 + places >= DIGITS
