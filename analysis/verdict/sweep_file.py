"""The runs of a verdict's next step as a sweep that `sweeps.launch` takes."""

import numpy as np
import pandas as pd

from analysis.verdict.proposal import Proposal

NEEDED = ("experiment", "size", "params", "batch", "lr", "seed", "flops_budget")
TEXT = '''"""{do}.

    python -m sweeps.launch --sweep {path} --root ROOT
"""

from sweeps.launcher.grid import steps_for, with_overrides
from vdit.config.flops import training_flops_per_clip

EXPERIMENT = "experiments/{experiment}.py"
RUNS = (
    # size, FLOPs, batch, learning rate, seed
{runs}
)


def sweep(base):
    """Overrides of `base` for each run."""
    for size, flops, batch, lr, seed in RUNS:
        each = training_flops_per_clip(with_overrides(base, {{"model.size": size}}))
        yield {{
            "model.size": size,
            "flops_budget": flops,
            "batch": batch,
            "steps": steps_for(flops, each, batch, size),
            "optimizer.lr": lr,
            "seed": seed,
        }}
'''


def lacks(rows: pd.DataFrame) -> str:
    """Why no sweep can be made of runs like these; "" where one can."""
    blank = [name for name in NEEDED if name not in rows.columns or rows[name].isna().any()]
    if blank:
        return f"the table does not say of each run: {', '.join(blank)}"
    return "" if rows["experiment"].nunique() == 1 else "runs of several experiments"


def text(rows: pd.DataFrame, step: Proposal, path: str) -> str | None:
    """The sweep file of a proposal; None where the table does not say how its runs were made.

    Sizes are those of the table's ladder nearest to what was proposed. Learning rates follow the
    power law of size and budget that the table's own follow; seeds go on from the largest.
    """
    if not step.runs or lacks(rows):
        return None
    runs = dict.fromkeys(run for one in step.runs for run in _seeds(rows, one))
    lines = "\n".join(f"    {run!r}," for run in runs)
    return TEXT.format(
        do=step.do[:1].upper() + step.do[1:],
        path=path,
        experiment=rows["experiment"].iloc[0],
        runs=lines,
    )


def _seeds(rows, run):
    ladder = rows.groupby("size")["params"].median()
    size = str((np.log(ladder) - np.log(run.size)).abs().idxmin())
    params, flops = float(ladder[size]), float(run.flops)
    same = rows[(rows["size"] == size) & np.isclose(rows["flops_budget"], flops)]
    nearest = rows.loc[(np.log(rows["flops_budget"]) - np.log(flops)).abs().idxmin()]
    batch = int((same if len(same) else nearest.to_frame().T)["batch"].iloc[0])
    lr = float(same["lr"].iloc[0]) if len(same) else _rate(rows, params, flops)
    first = int(same["seed"].max()) + 1 if len(same) else int(rows["seed"].min())
    for seed in range(first, first + run.seeds):
        yield size, flops, batch, float(f"{lr:.6g}"), seed


def _rate(rows, params, flops):
    """By least squares of log rate on log size and log budget: exact where a rule made them."""
    logs = np.log(rows[["params", "flops_budget"]].to_numpy(float))
    design = np.column_stack([np.ones(len(logs)), logs])
    found = np.linalg.lstsq(design, np.log(rows["lr"].to_numpy(float)), rcond=None)[0]
    return float(np.exp(found @ [1.0, np.log(params), np.log(flops)]))
