"""The rows of a results table that may enter the fit of its frontier."""

import pandas as pd

from analysis.table import hygiene, schema
from vdit.errors import InputError


def select(
    table: pd.DataFrame, loss: str, size: str, name: str = "table"
) -> tuple[pd.DataFrame, list[str]]:
    """Rows that may enter a fit and a list of what was left out; InputError if none or mixed."""
    notes = []
    for column in (loss, size):
        schema.require_number(table, column, name)
    rows = table[table["flops_budget"] > 0]
    if len(rows) < len(table):
        notes.append(f"{len(table) - len(rows)} rows without a compute budget left out")
    ended = hygiene.annealed(rows)
    if not ended.all():
        notes.append(f"{int((~ended).sum())} rows whose schedule had not ended left out")
        rows = rows[ended]
    if rows.empty:
        raise InputError(f"{name}: no row with a flops_budget above 0 and an ended schedule")
    schema.comparable(rows, name)
    return rows, notes
