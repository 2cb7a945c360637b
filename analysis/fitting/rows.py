"""From anybody's table to the rows of a fit: roles, chosen rows, what was left out and why."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.laws.law import Law
from analysis.table import columns, hygiene, query, schema
from vdit.errors import InputError


@dataclass(frozen=True)
class Rows:
    """Rows that are fitted and rows held out, with a column for each role."""

    fitted: pd.DataFrame
    held: pd.DataFrame
    columns: dict
    dropped: list
    notes: list
    where: str | None  # the expression of the rows held out
    weighted: bool  # by a column of errors
    name: str = "table"

    def without(self, bad: np.ndarray, reason: str, words: str) -> "Rows":
        """The rows without `bad` (a mask of those fitted), which join `dropped`."""
        gone = hygiene.dropped(self.fitted[bad], reason, words)
        return replace(self, fitted=self.fitted[~bad], dropped=[*self.dropped, gone])

    def inputs(self, law: Law, rows: pd.DataFrame | None = None) -> dict[str, np.ndarray]:
        """{role: values (R,)} of the law's inputs, of the rows fitted or of those given."""
        rows = self.fitted if rows is None else rows
        return {role: columns.numbers(rows, role) for role in law.inputs}

    def spread(self, law: Law) -> None:
        """Raise InputError unless each input of the law varies among the rows fitted."""
        for role, values in self.inputs(law).items():
            # A law of repeated data can be told from one stock of data seen often and seldom.
            if len(np.unique(values)) == 1 and role != "unique_tokens":
                raise InputError(
                    f"{self.name}: {self.columns.get(role, role)} has one value ({values[0]:g}) "
                    f"in all {len(values)} rows, law {law.name!r} needs several"
                )

    def loss(self, rows: pd.DataFrame | None = None) -> np.ndarray:
        """Losses (R,) of the rows fitted or of those given."""
        return columns.numbers(self.fitted if rows is None else rows, "loss")

    def cluster(self, rows: pd.DataFrame | None = None) -> np.ndarray | None:
        """Number of the run that each row belongs to (R,): checkpoints of one are not independent.

        None where the table names no runs: then each row is its own.
        """
        rows = self.fitted if rows is None else rows
        return pd.factorize(rows["group"].astype(str))[0] if "group" in rows.columns else None

    def weight(self, rows: pd.DataFrame | None = None) -> np.ndarray | None:
        """Relative precision of each row (R,), of mean 1; None where no errors were named."""
        if not self.weighted:
            return None
        rows = self.fitted if rows is None else rows
        precision = (self.loss(rows) / columns.numbers(rows, "loss_se")) ** 2
        return precision / precision.mean()


def prepare(
    table: pd.DataFrame,
    needed: Sequence[str],
    name: str = "table",
    where: str | None = None,
    hold_out: str | None = None,
    given: dict[str, str | None] | None = None,
    **cleaning: Any,
) -> Rows:
    """Choose the rows of a fit that needs the roles `needed`; InputError names what is wrong.

    `given` maps roles to columns; `cleaning` goes to `hygiene.clean`. Sizes, tokens and compute
    are checked wherever the table has them: the laws share them.
    """
    if len(table) == 0:
        raise InputError(f"{name}: no rows")
    roles = columns.assign(table, name, **(given or {}))
    rows = roles.table
    spoken = _spoken(table, rows)
    keep = query.chosen(spoken, where, "--where") if where else np.ones(len(rows), bool)
    needed = (*needed, *(role for role in columns.DERIVED if role in rows.columns))
    columns.require(replace(roles, table=rows[keep]), dict.fromkeys(needed), name)
    rows, dropped = hygiene.clean(rows[keep], name=name, **cleaning)
    if rows.empty:
        raise InputError(f"{name}: no row is left: {'; '.join(d.line() for d in dropped)}")
    schema.comparable(rows, name)
    held = query.chosen(spoken.loc[rows.index], hold_out, "--hold_out") if hold_out else None
    held = np.zeros(len(rows), bool) if held is None else held
    if held.all():
        raise InputError(f"--hold_out {hold_out!r}: no row is left to fit")
    weighted = "loss_se" in roles.columns
    notes = [*roles.notes, _weights(roles, rows)]
    return Rows(rows[~held], rows[held], roles.columns, dropped, notes, hold_out, weighted, name)


def _spoken(table, rows):
    """What expressions may name: the user's columns, and roles where no column has that name."""
    spoken = table.reset_index(drop=True)
    roles = {r: rows[r] for r in columns.ROLES if r in rows and r not in spoken}
    return columns.joined(spoken, roles)


def _weights(roles, rows):
    if "loss_se" in roles.columns:
        return f"rows weigh by the noise in {roles.columns['loss_se']}: (loss / error) squared"
    if "seed" in rows.columns and rows["seed"].nunique() > 1:
        return "rows weigh alike: the noise between seeds is pooled, the same share of every loss"
    return "rows weigh alike: no measured noise was named (--loss_se COL)"
