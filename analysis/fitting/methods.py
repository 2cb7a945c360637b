"""Entries of what is no law of loss in the engine: isoFLOP curves, the envelope, lr and batch, a
quality metric."""

from dataclasses import replace
from typing import Any

import numpy as np

from analysis.fitting import entry
from analysis.fitting.rows import Rows
from analysis.frontier import envelope as hull
from analysis.table import columns
from vdit.errors import InputError

SQUARES = {"name": "least squares of logs", "delta": None}


def isoflop(part: dict[str, Any]) -> dict[str, Any]:
    """Approach 2 of 2203.15556 as a law's entry: N*(C) = N (C / reference)^a through the minima."""
    law = part["size_law"]
    if "parameters" not in law:
        return entry.missing("isoflop", law["n"], "no power law through the budgets' best sizes")
    a = law["parameters"]["a"]
    found = entry.missing("isoflop", law["n"], "")
    return found | {
        "objective": SQUARES,
        "parameters": {**law["parameters"], "reference": law["reference"]},
        "derived": {"a": a, "b": 1 - a},
        "intervals": law.get("intervals", {}),
        "status": law["status"],
    }


def envelope(rows: Rows) -> dict[str, Any]:
    """Approach 1 of 2203.15556 as a law's entry: power laws along the lower envelope of all runs.

    N* = k_N C^a, D* = k_D C^b, L = k_L C^-g.
    """
    roles = {role: role for role in ("params", "tokens", "flops", "loss")}
    if "group" in rows.fitted.columns:
        roles["group"] = "group"
    try:
        points, inside, flags = hull.envelope(_numbers(rows.fitted, roles), roles)
    except InputError as error:
        return entry.missing("envelope", len(rows.fitted), str(error))
    law = hull.laws(points.take(inside))
    said = [flag.as_dict() for flag in flags]
    if "a" not in law:
        return entry.missing("envelope", law["n"], law["status"].split(": ")[-1]) | {
            "warnings": said
        }
    return entry.missing("envelope", law["n"], "") | {
        "objective": SQUARES,
        "parameters": {name: law[name] for name in ("k_N", "a", "k_D", "b", "k_L", "g")},
        "derived": {"a": law["a"], "b": law["b"]},
        "status": entry.status(law["status"]),
        "warnings": said,
    }


def hyperparameters(rows: Rows) -> dict[str, Any]:
    """Optimal learning rate and batch as power laws of size and tokens (2503.04715)."""
    from analysis.laws import hyperparameters as law

    roles = ("params", "tokens", "flops", "lr", "batch", "loss")
    roles = [role for role in roles if role in rows.fitted]
    numbers, named = _numbers(rows.fitted, roles), {role: role for role in roles}
    found = law.fit(numbers, named, group=rows.cluster()).as_dict()
    return entry.missing("hyperparameters", found["n"], "") | {"objective": SQUARES} | found


def metric(rows: Rows) -> dict[str, Any]:
    """A quality metric from the loss, monotone; of the rows where it was measured."""
    from analysis.laws import metric as law

    values = columns.numbers(rows.fitted, "metric")
    known = ~np.isnan(values)
    group = rows.fitted["group"].astype(str)[known] if "group" in rows.fitted else None
    found = law.fit(rows.loss()[known], values[known], group, name=rows.columns["metric"])
    return entry.missing("metric", found["n"], "") | {"objective": SQUARES} | found


def best_of_compute(rows: Rows) -> tuple[Rows, str]:
    """(rows on the lower envelope, words) where runs differ in size; all rows where they don't."""
    sizes = rows.fitted["params"].nunique() if "params" in rows.fitted.columns else 1
    if sizes == 1:
        return rows, f"fitted to all {len(rows.fitted)} rows: they do not differ in size"
    on = np.zeros(len(rows.fitted), bool)
    log_c = np.log(columns.numbers(rows.fitted, "flops"))
    on[hull.lower_hull(log_c, np.log(rows.loss()))] = True
    words = f"no compute budgets: fitted to the {on.sum()} rows on the lower envelope in compute"
    return replace(rows, fitted=rows.fitted[on]), words


def _numbers(table, roles):
    numbers = {r: columns.numbers(table, r) for r in roles if r != "group"}
    return table.assign(**numbers)
