"""Prints where the runs of a sweep stand."""

import argparse
import collections
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sweeps.launcher import claim, evaluation, goodput, slurm
from sweeps.launcher.branch import own_share, starts
from sweeps.launcher.plan import read_plan, select
from sweeps.launcher.state import OVER_STATES, STATES, read_json, run_folder, state_of
from sweeps.launcher.training import Training
from vdit.runs.folder import find_claimed


def table(rows: Iterable[Iterable[Any]], header: str) -> str:
    """Rows under a header, its names split by spaces; columns are aligned to the right."""
    cells = [header.split()] + [[_cell(value) for value in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    lines = ("  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(lines)


def with_starts(
    rows: list[list[Any]], header: str, runs: list[dict[str, Any]]
) -> tuple[list[list[Any]], str]:
    """Rows and header of a table with a column on where branches begin, if there are any."""
    if not (begun := starts(runs)):
        return rows, header
    return [[*row, start] for row, start in zip(rows, begun, strict=True)], f"{header} from"


def show(root: Path) -> str:
    """The table of a root, its totals, and a line on each run that needs one."""
    runs = select(read_plan(root), hold_out=False)
    claim.settle(list(find_claimed(root / "runs").values()))
    both = [(run, state_of(root, run)) for run in runs]
    rows = []
    for run, state in both:
        steps = f"{state.steps}/{run['steps']}"
        who = [run["run_id"], run["size"], run["params"], run["flops_budget"]]
        rows.append([*who, steps, state.name, state.loss, state.seconds])
    count = collections.Counter(state.name for _, state in both)
    done = sum(run["flops"] * own_share(run) for run, state in both if state.name == "finished")
    share = done / (sum(run["flops"] * own_share(run) for run in runs) or 1)
    totals = ", ".join(f"{count[name]} {name}" for name in STATES if count[name])
    header = "run size params budget steps state loss seconds"
    lines = [table(*with_starts(rows, header, runs))]
    lines += [f"{len(runs)} runs: {totals}; {share:.0%} of the FLOPs are done"]
    notes = [f"{run['run_id']}: {s.note}" for run, s in both if s.note]
    if not count["running"]:
        left = sum(state.name not in OVER_STATES for _, state in both)
        notes += slurm.unattended(root, left, Training.result)
    return "\n".join([*lines, *notes, *_evaluated(root, runs), goodput.show(root, runs)])


def _evaluated(root: Path, runs: list[dict[str, Any]]) -> list[str]:
    """A line if any checkpoint is evaluated, and one for each run whose evaluation failed."""
    done, kept = evaluation.evaluated(root, runs)
    lines = [f"{done} of {kept} checkpoints are evaluated"] if done else []
    for run in runs:
        if failure := read_json(run_folder(root, run) / evaluation.FAILED):
            lines.append(f"{run['run_id']}: not evaluated: {failure['exception']}")
    return lines


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if isinstance(value, int) or value == 0:
        return str(int(value)) if abs(value) < 10**6 else f"{value:.2e}"
    return f"{value:.4g}" if 1e-3 <= abs(value) < 1e4 else f"{value:.2e}"


def main() -> None:
    """Prints the table of a root."""
    parser = argparse.ArgumentParser(prog="python -m sweeps.status", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder that sweeps.launch fills")
    print(show(parser.parse_args().root))
