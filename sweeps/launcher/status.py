"""Prints where the runs of a sweep stand."""

import collections
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sweeps.launcher import evaluation, garbage, goodput, slurm
from sweeps.launcher.branch import own_share, starts
from sweeps.launcher.plan import read_plan, select
from sweeps.launcher.run_files import read_failure
from sweeps.launcher.state import OVER_STATES, STATES, State, folders_of, states_of
from sweeps.launcher.training import Training
from vdit import errors
from vdit.runs import claim, evaluations
from vdit.runs.files import DamagedFileError
from vdit.runs.folder import find_claimed, steps_saved


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
    if not (starts_at := starts(runs)):
        return rows, header
    return [[*row, start] for row, start in zip(rows, starts_at, strict=True)], f"{header} from"


@garbage.uncollected()
def show(root: Path) -> str:
    """The table of a root, its totals, and a line on each run or file that needs one."""
    runs = select(read_plan(root))
    claim.settle(list(find_claimed(root / "runs").values()))
    states = states_of(root, runs)
    rows = [_row(run, state) for run, state in zip(runs, states, strict=True)]
    lines = [table(*with_starts(rows, "run size params budget steps state loss seconds", runs))]
    notes = [f"{run['run_id']}: {s.note}" for run, s in zip(runs, states, strict=True) if s.note]
    if not any(state.name == "running" for state in states):
        left = sum(state.name not in OVER_STATES for state in states)
        notes += slurm.unattended(root, left, Training.result)
    lines += [_totals(runs, states), *notes, *_evaluated(root, runs)]
    return "\n".join([*lines, goodput.show(root, runs, states)])


def _row(run: dict[str, Any], state: State) -> list[Any]:
    steps = f"{state.steps}/{run['steps']}"
    who = [run["run_id"], run["size"], run["params"], run["flops_budget"]]
    return [*who, steps, state.name, state.loss, state.seconds]


def _totals(runs: list[dict[str, Any]], states: list[State]) -> str:
    """How many runs there are of each state, and the share of the FLOPs that is done."""
    count = collections.Counter(state.name for state in states)
    flops = [run["flops"] * own_share(run) for run in runs]
    done = sum(f for f, state in zip(flops, states, strict=True) if state.name == "finished")
    totals = ", ".join(f"{count[name]} {name}" for name in STATES if count[name])
    return f"{len(runs)} runs: {totals}; {done / (sum(flops) or 1):.0%} of the FLOPs are done"


def _evaluated(root: Path, runs: list[dict[str, Any]]) -> list[str]:
    """How many kept checkpoints are evaluated as the runs' configs ask, if any, and a line on each
    run whose evaluation failed or is damaged."""
    done, kept, notes = 0, 0, []
    for run, folder in zip(runs, folders_of(root, runs), strict=True):
        wanted = evaluations.evaluators_of(run.get("config", {}))
        try:
            if failure := read_failure(folder / evaluation.FAILED, run["run_id"]):
                notes.append(f"{run['run_id']}: not evaluated: {failure}")
            steps = steps_saved(folder)
            kept += len(steps)
            done += sum(not evaluations.missing(folder, step, wanted) for step in steps)
        except DamagedFileError as error:
            notes.append(f"{run['run_id']}: {error}")
    return [f"{done} of {kept} checkpoints are evaluated"] * bool(done) + notes


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
    parser = errors.parser("sweeps.status", __doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder that sweeps.launch fills")
    print(show(parser.parse_args().root))
