"""From anybody's table to the rows of a fit: roles, chosen rows, what was left out and why."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.fitting import direction, guards
from analysis.frontier.flags import Flag
from analysis.laws.law import Law
from analysis.table import columns, hygiene, names, query, runs, schema, states
from analysis.table.dropped import Dropped, Flagged
from vdit.errors import InputError

SWEPT = ("params", "tokens", "flops", "loss", "budget")  # roles of a sweep over compute budgets
PLAIN = ("tokens", "flops", "lr", "batch", "width", "depth")  # roles that pages read by these names


@dataclass(frozen=True)
class Told:
    """What to know about rows: notes, which were left out or flagged, and warnings."""

    notes: tuple[str, ...]
    dropped: tuple[Dropped, ...]
    flagged: tuple[Flagged, ...]
    warnings: tuple[Flag, ...]


@dataclass(frozen=True)
class Rows:
    """Rows that are fitted and rows held out, with a column for each role."""

    fitted: pd.DataFrame
    held: pd.DataFrame
    own: pd.DataFrame  # the user's columns of every row
    columns: dict[str, str]
    dropped: list[Dropped]
    notes: list[str]
    warnings: list[Flag]
    weighted: bool  # by a column of errors
    direction: str | None  # "up" where the metric rises with the loss, "down"; None: not known
    name: str = "table"
    row_filter: query.RowFilter = field(default_factory=query.RowFilter)

    def without(self, bad: np.ndarray, reason: str, words: str) -> "Rows":
        """The rows without `bad` (a mask of those fitted), which join `dropped`."""
        gone = Dropped.of(self.fitted[bad], reason, words)
        return replace(self, fitted=self.fitted[~bad], dropped=[*self.dropped, gone])

    def inputs(self, law: Law, rows: pd.DataFrame | None = None) -> dict[str, np.ndarray]:
        """{role: values (R,)} of the law's inputs, of the rows fitted or of those given."""
        rows = self.fitted if rows is None else rows
        return {role: columns.numbers(rows, role) for role in law.inputs}

    def spread(self, law: str, inputs: Sequence[str]) -> None:
        """Raise InputError unless each input of the law varies among the rows fitted."""
        for role in inputs:
            values = columns.numbers(self.fitted, role)
            # A law of repeated data can be told from one stock of data seen often and seldom.
            if len(np.unique(values)) == 1 and role != "unique_tokens":
                raise InputError(
                    f"{self.name}: {self.columns.get(role, role)} has one value ({values[0]:g}) "
                    f"in all {len(values)} rows, law {law!r} needs several"
                )

    def loss(self, rows: pd.DataFrame | None = None) -> np.ndarray:
        """Losses (R,) of the rows fitted or of those given."""
        return columns.numbers(self.fitted if rows is None else rows, "loss")

    def cluster(self) -> np.ndarray | None:
        """Number of the run of each row fitted (R,): checkpoints of one are not independent.

        None where the table names no runs: then each row is its own.
        """
        rows = self.fitted
        return pd.factorize(rows["group"].astype(str))[0] if "group" in rows.columns else None

    def told(self) -> Told:
        """What to know about the rows, for people."""
        flagged = hygiene.flagged(self.fitted)
        return Told(tuple(self.notes), tuple(self.dropped), tuple(flagged), tuple(self.warnings))

    def as_results(self) -> pd.DataFrame:
        """The rows fitted in the results table's own names, beside the user's columns.

        A column that plays a role holds numbers in base units. Without a column `run_id` the group
        or the row names the run.
        """
        rows = self.fitted
        named = {self.columns.get(role, role): rows[role] for role in names.ROLES if role in rows}
        named["run_id"] = runs.labels(rows)
        if "budget" in rows:
            named["flops_budget"] = rows["budget"]
        known = [role for role in ("loss", "params") if role not in self.own]
        named |= {role: rows[role] for role in (*known, *PLAIN) if role in rows}
        return self.own.loc[rows.index].assign(**named)

    def weighing(self) -> str:
        """How the rows weigh in a fit, in words."""
        if self.weighted:
            return f"rows weigh by the noise in {self.columns['loss_se']}: (loss / error) squared"
        if "seed" in self.fitted.columns and self.fitted["seed"].nunique() > 1:
            return "rows weigh alike: the noise between seeds is pooled, the same share of all"
        return "rows weigh alike: no measured noise was named (--loss_se COL)"

    def weight(self) -> np.ndarray | None:
        """Relative precision of rows fitted (R,), of mean 1; None where no errors were named."""
        if not self.weighted:
            return None
        precision = (self.loss() / columns.numbers(self.fitted, "loss_se")) ** 2
        return precision / precision.mean()


def swept(
    table: pd.DataFrame,
    name: str = "table",
    notes: Sequence[str] = (),
    *,
    where: str | None = None,
    drop: Sequence[str] = (),
    higher_is_better: bool | None = None,
    **given: str | None,
) -> Rows:
    """The rows of a sweep over compute budgets; `given` maps roles to columns (see `prepare`)."""
    return prepare(table, SWEPT, name, where, None, given, higher_is_better, notes, drop=drop)


def prepare(
    table: pd.DataFrame,
    needed: Sequence[str],
    name: str = "table",
    where: str | None = None,
    hold_out: str | None = None,
    given: dict[str, str | None] | None = None,
    higher_is_better: bool | None = None,
    notes: Sequence[str] = (),
    drop: Sequence[str] = (),
    **cleaning: Any,
) -> Rows:
    """Choose the rows of a fit that needs the roles `needed`; InputError names what is wrong.

    `given` maps roles to columns; `higher_is_better` is of the metric where one is named, else of
    the loss; `notes` are of how the table was read; `drop` and `cleaning` go to `hygiene.clean`.
    Sizes, tokens and compute are checked wherever the table has them: the laws share them.
    """
    if len(table) == 0:
        raise InputError(f"{name}: no rows")
    roles = columns.assign(table, name, **(given or {}))
    spoken = _spoken(roles)
    keep, chosen = _chosen(spoken, where)
    rows = roles.table[keep]
    needed = dict.fromkeys((*needed, *(role for role in columns.DERIVED if role in rows.columns)))
    columns.require(replace(roles, table=rows), needed, name)
    warnings = list(guards.units(roles, rows, name))
    rows, directed = _directed(roles, rows, higher_is_better, name)
    rows, dropped = hygiene.clean(rows, name=name, needed=tuple(needed), drop=drop, **cleaning)
    _check(rows, dropped, name)
    held = _held_out(spoken.loc[rows.index], hold_out)
    return Rows(
        fitted=rows[~held],
        held=rows[held],
        own=roles.own,
        columns=roles.columns,
        dropped=dropped,
        notes=[*notes, *chosen, *roles.notes, *directed, *states.unknown(roles.own[keep])],
        warnings=warnings,
        weighted="loss_se" in roles.columns,
        direction=direction.of_metric(roles, higher_is_better),
        name=name,
        row_filter=_row_filter(where, hold_out, higher_is_better, drop, cleaning),
    )


def _chosen(spoken, where):
    """(R,) True where a row is used, and what is said of that."""
    if not where:
        return np.ones(len(spoken), bool), []
    keep = query.chosen(spoken, where, "--where")
    return keep, [f"{keep.sum()} of {len(keep)} rows are used: {where}"]


def _check(rows, dropped, name):
    """InputError where no row is left, or where those left are not of one kind."""
    if rows.empty:
        raise InputError(f"{name}: no row is left: {'; '.join(d.line for d in dropped)}")
    schema.comparable(rows, name)


def _row_filter(where, hold_out, higher_is_better, drop, cleaning):
    asked = cleaning | {"drop": tuple(drop)}
    return query.RowFilter(where, hold_out, higher_is_better=higher_is_better, **asked)


def _held_out(spoken, hold_out):
    """(R,) True where a row is held out; InputError if none is left to fit."""
    if not hold_out:
        return np.zeros(len(spoken), bool)
    held = query.chosen(spoken, hold_out, "--hold_out")
    if held.all():
        raise InputError(f"--hold_out {hold_out!r}: no row is left to fit")
    return held


def _directed(roles, rows, higher_is_better, name):
    """(the rows with a loss that is better when lower, notes)."""
    if higher_is_better is None or "metric" in roles.columns:
        direction.falling(roles, rows, name)
        return rows, []
    if not higher_is_better:
        return rows, []
    column = roles.columns["loss"]
    note = f"the loss is 1 - {column}, which is better when higher"
    return rows.assign(loss=direction.turned(rows["loss"], column, name)), [note]


def _spoken(roles):
    """What expressions may name: the user's columns, and roles where no column has that name."""
    more = {r: roles.table[r] for r in names.ROLES if r in roles.table and r not in roles.own}
    return columns.joined(roles.own, more)
