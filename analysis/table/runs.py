"""Several rows of one run: checkpoints and logged steps are not independent, and not all are ends.

A column may name the runs. Where none does, rows that follow each other at one size, with tokens
that rise in equal steps, are taken for the log of a run, and it is said: a design of separate runs
has geometric steps, or few.
"""

import numpy as np
import pandas as pd

from analysis.table import names

FEWEST, EQUAL = 4, 0.05  # rows of a log at least; its steps differ by this share at most
CONSTANT = ("params", "width", "depth")  # in one run


def grouped(
    own: pd.DataFrame, roles: dict[str, pd.Series]
) -> tuple[dict[str, pd.Series], str | None, list[str]]:
    """(the roles with the run of each row where it is known, the column guessed or None, notes).

    `own` are the user's columns. What is constant in a run, but logged once, is in all its rows.
    """
    column = None
    if "group" not in roles:
        there = (c for c in names.guess("group", own.columns) if _of_one_size(own[c], roles))
        column = next(there, None)
    group = roles.get("group") if column is None else own[column]
    if group is not None:
        return _filled(roles | {"group": _whole(own, group)}), column, []
    logs, equal = _logged(roles)
    if logs is None:
        return roles, None, []
    note = f"no column names the runs (--group COL): {logs.nunique()} times rows of one size follow"
    if not equal:
        return (
            roles,
            None,
            [f"{note} each other, tokens rising: each is taken for a run of its own"],
        )
    note += " each other, tokens rising in equal steps: taken for the log of a run"
    return roles | {"group": logs}, None, [note]


def _whole(table, group):
    """The group of each row; where its cell is blank (an older row has no trunk) the run itself."""
    if not group.isna().any():
        return group
    own = table["run_id"] if "run_id" in table.columns else group
    whole = group.astype(object).where(group.notna(), own)
    return whole.where(whole.notna(), [f"row {at + 1}" for at in table.index])


def _of_one_size(group, roles):
    """False where a column can't name runs: models of several sizes share a name in it."""
    return "params" not in roles or roles["params"].groupby(group).nunique().max() <= 1


def _logged(roles):
    """(the log that each row may belong to, True where steps are equal); None for no logs."""
    if not {"params", "tokens"} <= set(roles):
        return None, False
    size, tokens = (pd.to_numeric(roles[role], errors="coerce") for role in ("params", "tokens"))
    begins = (size != size.shift()) | ~(tokens > tokens.shift())
    run = begins.cumsum()
    steps = tokens.diff().mask(begins)
    equal = begins | ((steps / steps.groupby(run).transform("median") - 1).abs() < EQUAL)
    long = run.groupby(run).transform("size") >= FEWEST
    return ("log " + run.astype(str) if long.all() else None), bool(equal.all())


def _filled(roles):
    return roles | {
        role: roles[role].fillna(roles[role].groupby(roles["group"]).transform("first"))
        for role in CONSTANT
        if role in roles and roles[role].isna().any()
    }


def labels(table: pd.DataFrame) -> pd.Series:
    """What each row of a table of roles is called: its run, or its row where others share that.

    A row goes by its loss too: a prediction made from row 3 of another table is not of this one.
    """
    if "run_id" in table.columns:
        return table["run_id"]
    if "group" in table.columns and not table["group"].duplicated().any():
        return table["group"].astype(str)
    called = [f"row {at + 1} (loss {loss:.6g})" for at, loss in table["loss"].items()]
    return pd.Series(called, table.index)


def earlier(table: pd.DataFrame) -> np.ndarray:
    """(R,) True for rows of a table of roles that come before the last of their run.

    None of a table that says which schedules had ended (column `annealed`).
    """
    seen = next((role for role in ("tokens", "flops") if role in table.columns), None)
    if "group" not in table.columns or "annealed" in table.columns or seen is None:
        return np.zeros(len(table), bool)
    most = table.groupby(table["group"].astype(str))[seen].transform("max")
    return (table[seen] < most).to_numpy()
