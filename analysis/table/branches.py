"""Branches of a trunk compared with whole runs of the same size, budget and seed."""

import numpy as np
import pandas as pd

from analysis.table import groups, hygiene
from vdit.errors import InputError

BRANCH = "branch"
CELL = ("size", "flops_budget")


def compared(table: pd.DataFrame, metric: str = "loss_ema") -> pd.DataFrame:
    """For each size, budget and schedule of whole runs: means, and branches less whole runs."""
    rows = []
    for cell, part in _kinds(table).groupby(list(CELL)):
        rows += _against(dict(zip(CELL, cell, strict=True)), part, metric)
    return pd.DataFrame(rows)


def compared_slopes(table: pd.DataFrame, metric: str = "loss_ema") -> pd.DataFrame:
    """The same of d log metric / d log budget over all budgets of a size: what a law would see."""
    rows = []
    for size, part in _kinds(table).groupby("size"):
        slopes = [
            {"kind": kind, "seed": seed, "slope": _slope(runs, metric)}
            for (kind, seed), runs in part.groupby(["kind", "seed"])
            if len(runs) > 1
        ]
        if slopes:
            rows += _against({"size": size}, pd.DataFrame(slopes), "slope")
    return pd.DataFrame(rows)


def cost_line(table: pd.DataFrame) -> str:
    """What trunks and branches took, and what whole runs in their place would have."""
    ends = hygiene.last_rows(table)
    parts = ends[(ends["trunk"] != ends["run_id"]) & hygiene.annealed(ends)]
    trunks = ends[ends["run_id"].isin(parts["trunk"])]
    spent = trunks["flops"].sum() + (parts["flops"] - parts["flops_shared"]).sum()
    whole = parts["flops"].sum()
    return (
        f"{len(parts)} branches of {len(trunks)} trunks took {spent:.3g} FLOPs, whole runs would "
        f"have taken {whole:.3g}: {1 - spent / whole:.0%} less"
    )


def _kinds(table):
    """Finished rows with a budget, each a branch or of the schedule of a whole run."""
    for column in ("trunk", "flops_shared", "schedule", *CELL):
        if column not in table.columns:
            raise InputError(f"the table has no column {column!r}")
    rows = table[(table["flops_budget"] > 0) & hygiene.annealed(table)]
    kinds = rows["schedule"].where(rows["trunk"] == rows["run_id"], BRANCH)
    if BRANCH not in set(kinds):
        raise InputError("the table has no branches (rows whose trunk is another run)")
    return rows.assign(kind=kinds)


def _against(cell, part, metric):
    if BRANCH not in set(part["kind"]):
        return
    for kind in sorted(set(part["kind"]) - {BRANCH}, reverse=True):  # wsd, the nearest, first
        found = groups.compared(part, "kind", kind, metric).set_index("kind")
        branch, whole = found.loc[BRANCH], found.loc[kind]
        yield cell | {
            "whole": kind,
            "seeds": int(branch["runs"]),
            f"{metric}_branch": branch["mean"],
            f"{metric}_whole": whole["mean"],
            "sd_whole": whole["sd"],
            **{name: branch[name] for name in ("difference", "low", "high")},
        }


def _slope(runs, metric):
    return np.polyfit(np.log(runs["flops_budget"]), np.log(runs[metric]), 1)[0]
