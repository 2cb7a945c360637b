"""Paired errors: on the same (clip, t, noise) triples two runs differ by the model alone."""

import numpy as np

STRATA = 10


def paired_se(difference, t, strata=STRATA):
    """Standard error of the mean of `difference` (M,), stratified by tenths of t (M,) in [0, 1]."""
    stratum = np.clip((np.asarray(t) * strata).astype(int), 0, strata - 1)
    variance = 0.0
    for index in np.unique(stratum):
        part = difference[stratum == index]
        # One value has no spread of its own: borrow that of the whole.
        spread = part.var(ddof=1) if len(part) > 1 else difference.var()
        variance += len(part) * spread
    return float(np.sqrt(variance)) / len(difference)


def add_paired_errors(table, losses):
    """Add `loss_pair_se`: the error of each row's EMA loss minus that of the reference run.

    The reference is the row of the largest budget with the lowest EMA loss. `losses` maps run_id
    to the arrays t, loss_ema (M,). A run without the reference's triples is left blank.
    """
    table = table.assign(loss_pair_se=np.nan)
    known = table[table["run_id"].isin(losses.keys())]
    if known.empty or "loss_ema" not in table.columns:
        return table
    top = known[known["flops_budget"] == known["flops_budget"].max()]
    reference = losses[top.loc[top["loss_ema"].idxmin(), "run_id"]]
    for row, run_id in known["run_id"].items():
        arrays = losses[run_id]
        if np.array_equal(arrays["t"], reference["t"]):
            difference = arrays["loss_ema"] - reference["loss_ema"]
            table.loc[row, "loss_pair_se"] = paired_se(difference, reference["t"])
    return table
