"""Loss curves from run folders: a row for each step that was logged.

Columns: run_id, steps, loss (of training), lr_final (the learning rate of that step), tokens and
flops up to it, and what result.json says of the whole run, its compute budget and size among them.
"""

import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from vdit.errors import InputError
from vdit.runs.files import DamagedFileError, read_json, read_json_lines

METRICS, RESULT = "metrics.jsonl", "result.json"
OF_RUN = ("run_id", "sweep", "seed", "size", "params", "width", "depth", "batch", "lr", "schedule")
GROWING = ("tokens", "flops")  # in proportion to the steps taken


def collect(
    root: str | pathlib.Path, tell: Callable[[str], None] = lambda line: None
) -> pd.DataFrame:
    """The curves of all finished runs below `root`; `tell` is called with what was left out."""
    root = pathlib.Path(root)
    logs = sorted(path for path in root.rglob(METRICS) if (path.parent / RESULT).is_file())
    rows = [row for path in logs for row in _curve(path, tell)]
    if not rows:
        raise InputError(f"{root}: no finished run with a {METRICS} below it")
    return pd.DataFrame(rows)


def _curve(path, tell) -> Iterator[dict[str, Any]]:
    try:
        run = read_json(path.parent / RESULT, "the result of a run")
    except DamagedFileError as error:
        tell(f"{error}; the run is left out")
        return
    if run.get("objective") == "autoencoder":
        return
    fixed = {name: run[name] for name in (*OF_RUN, "flops_budget") if name in run}
    logged = {line["step"]: line for line in read_json_lines(path).rows if "loss" in line}
    for step, line in sorted(logged.items()):  # of a step that was trained twice the last counts
        grown = {name: step / run["steps"] * run[name] for name in GROWING if name in run}
        yield {**fixed, "steps": step, **grown, "loss": line["loss"], "lr_final": line.get("lr")}
