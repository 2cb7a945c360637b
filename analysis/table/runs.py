"""Several rows of one run: checkpoints and logged steps are not independent, and not all are ends.

A column may name the runs. Where none does, rows that follow each other at one size, with tokens
that rise in equal steps, are taken for the log of a run, and it is said: a design of separate runs
has geometric steps, or few.
"""

import numpy as np
import pandas as pd

FEWEST, EQUAL = 4, 0.05  # rows of a log at least; its steps differ by this share at most
CONSTANT = ("params", "width", "depth")  # in one run


def named(table: pd.DataFrame, group: pd.Series) -> pd.Series:
    """The group of each row; where its cell is blank (an older row has no trunk) the run itself."""
    if not group.isna().any():
        return group
    own = table["run_id"] if "run_id" in table.columns else group
    whole = group.astype(object).where(group.notna(), own)
    return whole.where(whole.notna(), [f"row {at + 1}" for at in table.index])


def of_one_size(group: pd.Series, roles: dict[str, pd.Series]) -> bool:
    """False where a column can't name runs: models of several sizes share a name in it."""
    return "params" not in roles or roles["params"].groupby(group).nunique().max() <= 1


def logged(roles: dict[str, pd.Series]) -> pd.Series | None:
    """The number of the log that each row belongs to, as text; None unless the rows are of logs."""
    if not {"params", "tokens"} <= set(roles):
        return None
    size, tokens = (pd.to_numeric(roles[r], errors="coerce") for r in ("params", "tokens"))
    begins = (size != size.shift()) | ~(tokens > tokens.shift())
    run = begins.cumsum()
    steps = tokens.diff().mask(begins)
    usual = steps.groupby(run).transform("median")
    equal = begins | ((steps / usual - 1).abs() < EQUAL)
    is_log = equal.groupby(run).transform("all") & (run.groupby(run).transform("size") >= FEWEST)
    return "log " + run.astype(str) if is_log.all() and len(is_log) else None


def names(table: pd.DataFrame) -> pd.Series:
    """What each row of a table of roles is called: its run, or its row where others share that."""
    if "run_id" in table.columns:
        return table["run_id"]
    if "group" in table.columns and not table["group"].duplicated().any():
        return table["group"].astype(str)
    return pd.Series([f"row {at + 1}" for at in table.index], table.index)


def filled(roles: dict[str, pd.Series]) -> dict[str, pd.Series]:
    """The roles with what is constant in a run, and logged but once, in each of its rows."""
    return roles | {
        role: roles[role].fillna(roles[role].groupby(roles["group"]).transform("first"))
        for role in CONSTANT
        if role in roles and roles[role].isna().any()
    }


def earlier(table: pd.DataFrame) -> np.ndarray:
    """(R,) True for rows of a table of roles that come before the last of their run.

    None of a table that says which schedules had ended (column `annealed`).
    """
    seen = next((role for role in ("tokens", "flops") if role in table.columns), None)
    if "group" not in table.columns or "annealed" in table.columns or seen is None:
        return np.zeros(len(table), bool)
    most = table.groupby(table["group"].astype(str))[seen].transform("max")
    return (table[seen] < most).to_numpy()
