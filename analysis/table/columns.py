"""Roles a fit needs and the columns that play them, so that anybody's table of runs can be fitted.

A role has a default column, the results table's own name for it, and may be given another. Of
size N, tokens D and compute C two are enough: C = 6 N D gives the third (2001.08361, section 2.1).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from vdit.errors import InputError

# Role: the columns that play it unless another is named, in order of preference.
ROLES = {
    "params": ("params",),
    "tokens": ("tokens",),
    "flops": ("flops",),
    "loss": ("loss_ema", "loss"),
    "group": ("trunk", "run_id"),  # branches of one trunk are not independent
    "budget": ("flops_budget",),
    "lr": ("lr",),
    "batch": ("batch",),
    "width": ("width",),
    "depth": ("depth",),
    "unique_tokens": ("unique_tokens",),
    # Never by default: the error over a validation set that all runs share is common to them.
    "loss_se": (),
    "metric": (),
}
FLOPS_PER_ND = 6.0
DERIVED = {
    "flops": ("C = 6 N D", lambda n, d: FLOPS_PER_ND * n * d, ("params", "tokens")),
    "tokens": ("D = C / (6 N)", lambda n, c: c / (FLOPS_PER_ND * n), ("params", "flops")),
    "params": ("N = C / (6 D)", lambda d, c: c / (FLOPS_PER_ND * d), ("tokens", "flops")),
}


@dataclass(frozen=True)
class Roles:
    """A table with a column for each role it has, under the role's own name."""

    table: pd.DataFrame  # the user's columns, and one for each role; index: row of the table
    columns: dict  # {role: the user's column}; derived roles are not in it
    notes: list  # what was derived, and how

    def has(self, *roles: str) -> bool:
        """True when the table has all of these roles, as a column or derived."""
        return all(role in self.columns or role in self.table.columns for role in roles)


def assign(table: pd.DataFrame, name: str = "table", **given: str | None) -> Roles:
    """Find each role's column: `given` {role: column or None for the default}; a `Roles`.

    InputError if a column that was named is not there, or a role is unknown.
    """
    unknown = set(given) - set(ROLES)
    if unknown:
        raise InputError(f"no role {min(unknown)!r}, expected one of {', '.join(ROLES)}")
    columns = {}
    for role, defaults in ROLES.items():
        column = given.get(role)
        if column is None:
            there = (c for c in defaults if c in table.columns and table[c].notna().any())
            column = next(there, None)
        elif column not in table.columns:
            raise InputError(_missing(name, role, column, table))
        if column is not None:
            columns[role] = column
    table = table.reset_index(drop=True)
    roles = {role: table[column] for role, column in columns.items()}
    if "group" in roles:
        roles["group"] = _runs(table, roles["group"])
    taken = [role for role in ROLES if role in table.columns]
    table = joined(table.drop(columns=taken), roles)
    derived, notes = _derive(table)
    return Roles(joined(table, derived), columns, notes)


def joined(table: pd.DataFrame, more: Mapping[str, pd.Series]) -> pd.DataFrame:
    """The table and more columns, all at once: one by one is slow, and pandas warns of it."""
    return pd.concat([table, pd.DataFrame(dict(more), index=table.index)], axis=1)


def _runs(table, group):
    """The group of each row; where its cell is blank (an older row has no trunk) the run itself."""
    if not group.isna().any():
        return group
    own = table["run_id"] if "run_id" in table.columns else group
    named = group.astype(object).where(group.notna(), own)
    return named.where(named.notna(), [f"row {at + 1}" for at in table.index])


def _derive(table):
    for role, (words, law, inputs) in DERIVED.items():
        if role not in table.columns and set(inputs) <= set(table.columns):
            values = [pd.to_numeric(table[i], errors="coerce").astype(float) for i in inputs]
            return {role: law(*values)}, [f"no column for {role}: taken as {words}"]
    return {}, []


def require(roles: Roles, needed: Iterable[str], name: str = "table") -> None:
    """Raise InputError unless the table has the roles `needed`, with numbers above 0 in each.

    A loss that is not finite passes: it is for `hygiene` to say what becomes of the row.
    """
    for role in needed:
        if not roles.has(role):
            column = ROLES[role][-1] if ROLES[role] else role
            raise InputError(_missing(name, role, column, roles.table))
        if role != "metric":  # it may be anything
            _check(roles, role, name)


def numbers(table: pd.DataFrame, role: str) -> np.ndarray:
    """The values of a role as floats (rows,)."""
    return pd.to_numeric(table[role], errors="coerce").to_numpy(float)


def _check(roles, role, name):
    table = roles.table
    values = numbers(table, role)
    blank = table[role].isna().to_numpy()
    bad = (np.isnan(values) & ~blank) | (values <= 0)
    if role != "loss":
        bad |= ~np.isfinite(values)
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        raise InputError(
            f"{name}: {row_name(table, at)}: {roles.columns.get(role, role)} is "
            f"{table[role].iloc[at]}, expected a number above 0"
        )


def row_name(table: pd.DataFrame, at: int) -> str:
    """Row number `at` in words: as counted in the user's table from 1, with its run if known."""
    known = f" (run {table['run_id'].iloc[at]})" if "run_id" in table.columns else ""
    return f"row {table.index[at] + 1}{known}"


def _missing(name, role, column, table):
    there = ", ".join(map(str, list(table.columns)[:12])) + (", ..." * (len(table.columns) > 12))
    return f"{name}: missing column {column!r} (name another with --{role} COL); it has: {there}"
