"""Groups of runs that differ in one column, compared seed by seed."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from analysis.table import schema
from vdit.errors import InputError

LEVEL = 0.95
COSTS = ("params_total", "flops", "clips")  # what a comparison must be read beside


def compared(table: pd.DataFrame, by: str, reference: str, metric: str) -> pd.DataFrame:
    """A row for each value of `by`, the best mean of `metric` (less is better) first.

    `difference` is the mean over seeds of metric - reference's metric of the same seed, with
    Student's 95 % interval: seeds share the data's order and the validation triples, so that what
    is common to them cancels. Blank for fewer than two common seeds. Raises `InputError`.
    """
    needed = [by, "seed", metric]
    for column in needed:
        if column not in table.columns:
            raise InputError(f"the table has no column {column!r}")
    # The fixed validation set is what `loss…` is measured on; other scores have clips of their own.
    of_it = metric.startswith("loss")
    schema.comparable(table if of_it else table.drop(columns="validation", errors="ignore"))
    _one_each(table, by)
    seeds = table.pivot(index="seed", columns=by, values=metric)
    if reference not in seeds.columns:
        there = ", ".join(map(str, seeds.columns))
        raise InputError(f"no group {reference!r} in {by}: expected one of {there}")
    rows = [_row(table, seeds, by, name, reference) for name in seeds.columns]
    return pd.DataFrame(rows).sort_values("mean", ignore_index=True)


def _one_each(table, by):
    twice = table[table.duplicated([by, "seed"])]
    if len(twice):
        row = twice.iloc[0]
        raise InputError(
            f"two rows of {by} {row[by]} have seed {row['seed']}: choose one kind with --where"
        )


def _row(table, seeds, by, name, reference):
    mine, values = table[table[by] == name], seeds[name].dropna()
    costs = {column: mine[column].mean() for column in COSTS if column in table.columns}
    spread = values.std(ddof=1) if len(values) > 1 else np.nan
    return {by: name, "runs": len(values), **costs, "mean": values.mean(), "sd": spread} | (
        _difference((seeds[name] - seeds[reference]).dropna(), name == reference)
    )


def _difference(values, is_reference):
    known = (np.nan,) * 3 if is_reference or len(values) < 2 else interval(values)
    return dict(zip(("difference", "low", "high"), known, strict=True))


def interval(values: np.ndarray | pd.Series) -> tuple[float, float, float]:
    """Mean of a few seeds' values and Student's 95 % interval; nan for the ends of one."""
    half = np.nan
    if len(values) > 1:
        half = stats.t.ppf((1 + LEVEL) / 2, len(values) - 1) * stats.sem(values)
    return values.mean(), values.mean() - half, values.mean() + half


def joined(found: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One table of those of several metrics, with a column `metric`; of one, that as it is."""
    if len(found) == 1:
        return next(iter(found.values()))
    return pd.concat(found, names=["metric"]).reset_index(level=0)


def as_text(found: pd.DataFrame, by: str, metric: str, reference: str) -> str:
    """The table as lines to print."""
    shown = found.copy()
    for column in COSTS:
        if column in shown:
            shown[column] = shown[column].map("{:.4g}".format)
    for column in ("mean", "sd", "difference", "low", "high"):
        shown[column] = shown[column].map(lambda v: "" if pd.isna(v) else f"{v:.4f}")
    title = f"{metric} by {by}; differences from {reference}, seed by seed, 95 % intervals"
    return f"{title}\n{shown.to_string(index=False)}"
