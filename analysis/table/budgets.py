"""Means of metrics at each budget of a sweep."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.table import hygiene, schema
from vdit.errors import InputError


def means(table: pd.DataFrame, metrics: Sequence[str], baseline: str = "") -> pd.DataFrame:
    """A row for each budget and metric: flops, metric, mean, se, runs, and its baseline's mean.

    Rows whose schedule had not ended are left out.

    se: of the mean over the budget's runs, from their spread and from the metric's own error
    (column METRIC_se) over its clips, whichever is larger: runs share the clips they are asked
    about, so that more runs do not make these certain. Raises `InputError`.
    """
    for column in ["flops_budget", *metrics, *(m + baseline for m in metrics if baseline)]:
        if column not in table.columns:
            raise InputError(f"the table has no column {column!r}")
    table = table[hygiene.annealed(table)]
    schema.comparable(table)
    swept = table[table["flops_budget"] > 0]
    if swept.empty:
        raise InputError("no row has a flops_budget: expected a sweep over budgets")
    rows = [
        _row(budget, runs, metric, baseline)
        for budget, runs in swept.groupby("flops_budget")
        for metric in metrics
    ]
    return pd.DataFrame(rows)


def _row(budget, runs, metric, baseline):
    values = runs[metric]
    between = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    own = runs[f"{metric}_se"].mean() if f"{metric}_se" in runs else np.nan
    row = {"flops_budget": budget, "metric": metric, "runs": len(runs), "mean": values.mean()}
    row["se"] = np.nanmax([between, own]) if not np.isnan([between, own]).all() else np.nan
    return row | ({"baseline": runs[metric + baseline].mean()} if baseline else {})


def as_text(found: pd.DataFrame) -> str:
    """A line for each budget, a column for each metric: mean ± se, and the baselines below."""
    text = found.assign(
        text=[f"{m:.3g} ± {s:.2g}" for m, s in zip(found["mean"], found["se"], strict=True)]
    )
    wide = text.pivot(index="flops_budget", columns="metric", values="text")
    wide = wide[list(dict.fromkeys(found["metric"]))]
    wide.index = [f"{flops:.3g}" for flops in wide.index]
    if "baseline" in found:
        wide.loc["baseline"] = [f"{v:.3g}" for v in _baselines(found)[wide.columns]]
    return wide.to_string()


def _baselines(found):
    return found.groupby("metric")["baseline"].mean()
