"""Roles a fit needs and the columns that play them, so that anybody's table of runs can be fitted.

A role's column is the one that was named, else the results table's own, else one that others call
so (`names`); numbers and units are read as people write them (`units`). Of size N, tokens D and
compute C two are enough: C = 6 N D gives the third (2001.08361, section 2.1). What was guessed is
in the notes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.table import names, reading, runs, schema, states, units
from vdit.errors import InputError

FLOPS_PER_ND = 6.0
DERIVED = {
    "flops": ("C = 6 N D", lambda n, d: FLOPS_PER_ND * n * d, ("params", "tokens")),
    "tokens": ("D = C / (6 N)", lambda n, c: c / (FLOPS_PER_ND * n), ("params", "flops")),
    "params": ("N = C / (6 D)", lambda d, c: c / (FLOPS_PER_ND * d), ("tokens", "flops")),
}
SAME_BUDGET = 0.02  # budgets within this share of each other are one


@dataclass(frozen=True)
class Roles:
    """A table with a column for each role it has, under the role's own name."""

    table: pd.DataFrame  # the user's columns, and one for each role; index: row of the table
    own: pd.DataFrame  # the user's columns alone, numbers that are text read
    columns: dict[str, str]  # {role: the user's column}; derived roles are not in it
    notes: list[str]  # what was guessed and derived, and how

    def has(self, *roles: str) -> bool:
        """True when the table has all of these roles, as a column or derived."""
        return all(role in self.columns or role in self.table.columns for role in roles)


def assign(table: pd.DataFrame, name: str = "table", **given: str | None) -> Roles:
    """Find each role's column: `given` {role: column or None for the default}; a `Roles`.

    InputError if a column that was named is not there, or a role is unknown.
    """
    unknown = set(given) - set(names.ROLES)
    if unknown:
        raise InputError(f"no role {min(unknown)!r}, expected one of {', '.join(names.ROLES)}")
    own = reading.stripped(table.reset_index(drop=True), name)
    columns, guessed = names.find(own, given, name)
    own, values, notes = _read(own, columns | guessed, name)
    values, column, said = runs.grouped(own, values)
    guessed |= {"group": column} if column else {}
    values, rounded = _rounded(values)
    taken = [role for role in names.ROLES if role in own.columns]
    whole = joined(own.drop(columns=taken), values)
    derived, how = _derive(whole)
    notes = [*names.told(guessed), *notes, *said, *rounded, *how]
    return Roles(joined(whole, derived), own, columns | guessed, notes)


def joined(table: pd.DataFrame, more: Mapping[str, pd.Series]) -> pd.DataFrame:
    """The table and more columns, all at once: one by one is slow, and pandas warns of it."""
    return pd.concat([table, pd.DataFrame(dict(more), index=table.index)], axis=1)


def _read(own, columns, name):
    """(the user's columns, {role: its numbers in base units}, notes), text read as numbers."""
    values, notes, texts = {}, [], {}
    for role, column in columns.items():
        if role == "group":
            values[role] = own[column]
            continue
        times = names.stem(role, column)[1]
        values[role] = units.read(own[column], times, name)
        if role == "loss":
            values[role] = values[role].mask(states.reasons(own[column]) == "diverged", np.inf)
        if times != 1:
            notes.append(f"{role}: column {column!r} counts in units of {times:.3g}, by its name")
        if not pd.api.types.is_numeric_dtype(own[column]):
            texts[column] = units.read(own[column], 1.0, name)
            cell = own[column].dropna().iloc[0] if own[column].notna().any() else None
            notes.append(f"{role}: numbers in {column!r} were read from text, such as {cell!r}")
    return own.assign(**texts), values, notes


def _rounded(values):
    """(the roles, notes) with budgets that are equal but for rounding as one."""
    if "budget" not in values:
        return values, []
    budgets, words = units.rounded(values["budget"], SAME_BUDGET)
    note = f"budgets within {SAME_BUDGET:.0%} of each other are one: {words}"
    return values | {"budget": budgets}, [note] * bool(words)


def _derive(table):
    for role, (words, law, inputs) in DERIVED.items():
        if role not in table.columns and set(inputs) <= set(table.columns):
            values = [pd.to_numeric(table[i], errors="coerce").astype(float) for i in inputs]
            return {role: law(*values)}, [f"no column for {role}: taken as {words}"]
    return {}, []


def require(roles: Roles, needed: Iterable[str], name: str = "table") -> None:
    """Raise InputError unless the table has the roles `needed`, with numbers above 0 in each.

    A blank cell passes, and a loss that is not finite: it is for `hygiene` to say what becomes of
    the row. A column that is blank throughout does not.
    """
    for role in needed:
        if not roles.has(role):
            column = names.ROLES[role][-1] if names.ROLES[role] else role
            raise InputError(names.missing(name, role, column, roles.own))
        if role != "metric":  # it may be anything
            _check(roles, role, name)


def numbers(table: pd.DataFrame, role: str) -> np.ndarray:
    """The values of a role as floats (rows,)."""
    return pd.to_numeric(table[role], errors="coerce").to_numpy(float)


def _check(roles, role, name):
    table, column = roles.table, roles.columns.get(role, role)
    values, blank = numbers(table, role), table[role].isna().to_numpy()
    if blank.all() and role != "loss":
        raise InputError(f"{name}: {column} is blank in every row, expected numbers above 0")
    none = values < 0 if role == "budget" else values <= 0  # a budget of 0 is no budget
    bad = ~blank & (np.isnan(values) | none)
    if role != "loss":
        bad |= np.isinf(values)
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        raise InputError(
            f"{name}: {schema.row_name(table, at)}: {column} is {table[role].iloc[at]}, "
            "expected a number above 0"
        )
