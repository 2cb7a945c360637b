"""Rows of an earlier table of a sweep, of runs whose folders are gone or lie on another machine."""

from collections.abc import Callable, Collection

import pandas as pd

from vdit.errors import InputError


def keep(
    table: pd.DataFrame,
    earlier: pd.DataFrame,
    name: str,
    planned: Collection[str] = (),
    tell: Callable[[str], None] = lambda line: None,
) -> pd.DataFrame:
    """`table` and the rows of `earlier` (from the file `name`) whose runs it does not have.

    Where the sweep's plan is known, only its runs are kept; `tell` hears how many were and were
    not. Their `loss_pair_se` is blank: it was to a reference that the table may no longer have.
    """
    others = earlier[~earlier["run_id"].isin(table["run_id"])]
    mine = others[others["run_id"].isin(planned)] if planned else others
    if len(others) and not len(mine):
        raise InputError(f"{name}: expected a table of this sweep, none of its runs is in the plan")
    if left := others["run_id"].nunique() - mine["run_id"].nunique():
        tell(f"{name}: {left} runs are left out, they are not in the plan")
    tell(f"{name}: {mine['run_id'].nunique()} runs kept that have no folder here")
    mine = mine.drop(columns="loss_pair_se", errors="ignore")
    return pd.concat([table, mine], ignore_index=True)
