"""Prints where the runs of a sweep stand."""

import argparse
import collections
import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sweeps.launcher import claim, goodput
from sweeps.launcher.branch import labels, own
from sweeps.launcher.plan import read_plan, select
from sweeps.launcher.queue import FAILED, RESULT, run_folder

STATES = ("finished", "running", "stale", "failed", "waiting")
TAIL_BYTES = 1 << 16


class State(NamedTuple):
    """Where one run stands: `name` is one of STATES, `seconds` its age or its whole time."""

    name: str
    steps: int
    loss: float | None
    seconds: float | None
    note: str = ""


def state_of(root: Path, run: Mapping[str, Any]) -> State:
    """The state of a run as its folder shows it; reading disturbs nobody."""
    folder = run_folder(root, run)
    if result := _read(folder / RESULT):
        return State("finished", run["steps"], result["loss"], whole_seconds(result))
    steps = last_metrics(folder).get("step", 0)
    if failure := _read(folder / FAILED):
        return State("failed", steps, None, None, failure["exception"])
    owner = claim.owner(folder)
    if owner is None:
        return State("waiting", steps, None, None)
    if claim.is_live(folder):
        age = time.time() - owner["started"] if owner else None
        return State("running", steps, None, age, f"{owner.get('host')}:{owner.get('pid')}")
    return State("stale", steps, None, None, "its worker died; the next launch takes it over")


def whole_seconds(result: Mapping[str, Any]) -> float:
    """What a run took in all: compilation, training, measuring; of its pack's time, its share."""
    return result.get("whole_s", result["finished"] - result["started"])


def last_metrics(folder: Path) -> dict[str, Any]:
    """The last whole line of metrics.jsonl ({} if none), read from its end."""
    try:
        with open(folder / "metrics.jsonl", "rb") as file:
            file.seek(max(0, file.seek(0, 2) - TAIL_BYTES))
            lines = file.read().split(b"\n")[:-1]
    except FileNotFoundError:
        return {}
    for line in reversed(lines):
        if line.startswith(b"{"):
            return json.loads(line)
    return {}


def table(rows: Iterable[Iterable[Any]], header: str) -> str:
    """Rows under a header of words, columns aligned to the right."""
    cells = [header.split()] + [[_cell(value) for value in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    lines = ("  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(lines)


def with_starts(rows: list[list[Any]], header: str, runs: list[dict]) -> tuple[list, str]:
    """Rows and header of a table with a column on where branches begin, if there are any."""
    if not (starts := labels(runs)):
        return rows, header
    return [[*row, start] for row, start in zip(rows, starts, strict=True)], f"{header} from"


def show(root: Path) -> str:
    """The table of a root, its totals, and a line on each run that needs one."""
    runs = select(read_plan(root), hold_out=False)
    both = [(run, state_of(root, run)) for run in runs]
    rows = []
    for run, state in both:
        steps = f"{state.steps}/{run['steps']}"
        who = [run["run_id"], run["size"], run["params"], run["flops_budget"]]
        rows.append([*who, steps, state.name, state.loss, state.seconds])
    count = collections.Counter(state.name for _, state in both)
    done = sum(run["flops"] * own(run) for run, state in both if state.name == "finished")
    share = done / (sum(run["flops"] * own(run) for run in runs) or 1)
    totals = ", ".join(f"{count[name]} {name}" for name in STATES if count[name])
    header = "run size params budget steps state loss seconds"
    lines = [table(*with_starts(rows, header, runs))]
    lines += [f"{len(runs)} runs: {totals}; {share:.0%} of the FLOPs are done"]
    notes = [f"{run['run_id']}: {s.note}" for run, s in both if s.note]
    return "\n".join([*lines, *notes, goodput.show(root, runs)])


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if isinstance(value, int) or value == 0:
        return str(int(value)) if abs(value) < 10**6 else f"{value:.2e}"
    return f"{value:.4g}" if 1e-3 <= abs(value) < 1e4 else f"{value:.2e}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sweeps.status", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder that sweeps.launch fills")
    print(show(parser.parse_args().root))
