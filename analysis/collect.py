"""Run folders to one validated table, a row per finished run.

python -m analysis.collect --root runs/demo --out runs/demo/results.csv
"""

import argparse
import pathlib
import sys

from analysis import console, files
from analysis.table import schema

SKIPPED_OBJECTIVES = ("autoencoder",)


def collect(root, tell=lambda line: None):
    """Return the validated table of all runs below `root`; `tell` is called with what was left."""
    import pandas as pd

    from analysis.table import pairs

    folders, unfinished = find_runs(root)
    planned = planned_runs(root)
    rows, losses = [], {}
    for folder in folders:
        row = read_run(folder, tell)
        if row.get("objective") in SKIPPED_OBJECTIVES:
            tell(f"{folder}: skipped, its objective is {row['objective']}")
            continue
        if planned and row.get("run_id") not in planned:
            tell(f"{folder}: left out, it is not in the plan of {root}/sweep.json")
            continue
        rows.append(row)
        if (folder / "losses.npz").is_file():
            losses[row.get("run_id")] = _read_losses(folder / "losses.npz")
    for folder in unfinished:
        tell(f"{folder}: left out, it has no result.json (unfinished or failed)")
    if not rows:
        raise schema.TableError(f"{root}: no finished run (no result.json below it)")
    table = _ordered(pd.DataFrame(rows))
    return pairs.add_paired_errors(schema.validate(table, name=str(root)), losses)


def find_runs(root):
    """Return (folders with a result.json, folders with only a config.json) below `root`, sorted."""
    root = pathlib.Path(root)
    if not root.is_dir():
        raise schema.TableError(f"{root}: no such folder, expected a sweep's root")
    finished = sorted(path.parent for path in root.rglob("result.json"))
    begun = {path.parent for path in root.rglob("config.json")}
    return finished, sorted(begun - set(finished))


def planned_runs(root):
    """Return the run_ids of the sweep whose root this is; none where there is no sweep.json."""
    path = pathlib.Path(root) / "sweep.json"
    if not path.is_file():
        return set()
    return {run["run_id"] for run in files.read_json(path, "the plan of a sweep")["runs"]}


def read_run(folder, tell=lambda line: None):
    """Return a run's result.json, with the scores of evaluation.json when of the same step."""
    row = files.read_json(folder / "result.json", "the result of a run")
    if (folder / "evaluation.json").is_file():
        scores = files.read_json(folder / "evaluation.json", "the scores of a run")
        step = scores.pop("step", None)
        if step != row.get("steps"):
            tell(f"{folder}: scores left out, they are of step {step}, not {row.get('steps')}")
        else:
            row = {**scores, **row}
    return {name: value for name, value in row.items() if not isinstance(value, dict | list)}


def _read_losses(path):
    import numpy as np

    with np.load(path) as arrays:
        return {name: arrays[name] for name in ("t", "loss_ema")}


def _ordered(table):
    known = [name for name in schema.BY_NAME if name in table.columns]
    table = table[known + [name for name in table.columns if name not in schema.BY_NAME]]
    keys = [name for name in ("flops_budget", "params", "seed") if name in table.columns]
    return table.sort_values(keys, ignore_index=True)


def main(argv):
    """Command line of `analysis.collect`."""
    parser = argparse.ArgumentParser(prog="analysis.collect", description=__doc__.splitlines()[0])
    parser.add_argument("--root", required=True, help="folder of a sweep, searched at any depth")
    parser.add_argument("--out", required=True, help="the table to write (CSV)")
    args = parser.parse_args(argv)
    table = collect(args.root, tell=lambda line: print(line, file=sys.stderr))
    files.write_text(args.out, table.to_csv(index=False))
    budgets = table["flops_budget"].nunique()
    print(f"{args.out}: {len(table)} runs at {budgets} compute budgets")


if __name__ == "__main__":
    console.run(main)
