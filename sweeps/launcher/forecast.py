"""What a plan will take: the table of a dry run."""

import contextlib
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sweeps.launcher.branch import own_share
from sweeps.launcher.run_files import read_result
from sweeps.launcher.state import State, whole_seconds
from sweeps.launcher.status import table, with_starts
from vdit.runs.files import DamagedFileError
from vdit.runs.folder import find_all

# FLOP/s of a worker before any run here was timed: float32 on one core of a desktop CPU.
ASSUMED_RATE = 1e10
COLUMNS = ["run_id", "size", "params", "tokens", "epochs", "flops", "flops_budget"]
COLUMNS += ["steps", "batch", "seed"]
HEADER = "run size N tokens epochs FLOPs budget steps batch seed seconds state"


def describe(root: Path, runs: list[dict[str, Any]], states: list[State], workers: int) -> str:
    """The runs, which are in these states, as a table, then what is ahead of so many workers."""
    seconds, source = expected_seconds(root, runs)
    both = list(zip(runs, seconds, states, strict=True))
    rows = [[*(run[column] for column in COLUMNS), s, state.name] for run, s, state in both]
    ahead = [s for _, s, state in both if state.name != "finished"]
    notes = [f"{run['run_id']}: {state.note}" for run, _, state in both if state.name == "damaged"]
    total = spread(ahead, workers)
    last = (
        f"{len(runs)} runs, {sum(run['flops'] * own_share(run) for run in runs):.3g} FLOPs, "
        f"{len(ahead)} to do: about {total:.0f} s with {workers} workers ({source})"
    )
    return "\n".join([table(*with_starts(rows, HEADER, runs)), *notes, last])


def expected_seconds(root: Path, runs: list[dict[str, Any]]) -> tuple[list[float], str]:
    """Expected seconds of each run, and what they rest on.

    Steps take what they took in a finished run of the same size and batch, where there is one, else
    their FLOPs by the median FLOP/s of finished runs, else by `ASSUMED_RATE`. The median of what
    finished runs took beside their steps (compilation, scores) comes on top.
    """
    step_s, rates, besides = {}, [], []
    for result in _results(root):
        done = 1 - result.get("flops_shared", 0) / result["flops"]  # the rest did its trunk
        training = done * result["steps"] * result["step_s"]
        step_s[result["size"], result["batch"]] = result["step_s"]
        rates.append(done * result["flops"] / training)
        besides.append(max(0.0, whole_seconds(result) - training))
    rate = statistics.median(rates) if rates else ASSUMED_RATE
    beside = statistics.median(besides) if besides else 0.0
    seconds = [
        beside
        + own_share(run)
        * run["steps"]
        * step_s.get((run["size"], run["batch"]), run["flops"] / run["steps"] / rate)
        for run in runs
    ]
    if not rates:
        return seconds, f"assuming {rate:.2g} FLOP/s a worker; compilation and scores not counted"
    return seconds, f"{rate:.2g} FLOP/s a worker and {beside:.0f} s a run, as {len(rates)} runs had"


def _results(root: Path) -> Iterator[dict[str, Any]]:
    """The results of finished runs in the root that were timed; a damaged one is no help."""
    for name, folder in sorted(find_all(root / "runs").items()):
        with contextlib.suppress(DamagedFileError):
            result = read_result(folder, name)
            if result and result.get("step_s"):
                yield result


def spread(seconds: list[float], workers: int) -> float:
    """The time until the last of `workers` is done, each taking the next run in order."""
    busy = [0.0] * workers
    for run in seconds:
        busy[busy.index(min(busy))] += run
    return max(busy)
