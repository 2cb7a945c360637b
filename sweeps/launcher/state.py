"""Where a run stands, as its folder shows it; looking disturbs nobody."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sweeps.launcher import claim, lease
from vdit.runs.folder import RESULT, find

FAILED = "failed.json"
STATES = ("finished", "running", "silent", "stale", "failed", "waiting")
OPEN_STATES = ("waiting", "stale")
OVER_STATES = ("finished", "failed")
TAIL_BYTES = 1 << 16
SILENT = f"workers take it over after {lease.LEASE_S:.0f} s of that"


class State(NamedTuple):
    """Where one run stands: `name` is one of STATES, `seconds` its age or its whole time."""

    name: str
    steps: int
    loss: float | None
    seconds: float | None
    note: str = ""


def run_folder(root: Path, run: Mapping[str, Any]) -> Path:
    """Where a run of a plan lies."""
    return find(root / "runs" / run["run_id"])


def is_over(folder: Path) -> bool:
    """Whether the run has finished or failed."""
    return (folder / RESULT).exists() or (folder / FAILED).exists()


def state_of(root: Path, run: Mapping[str, Any]) -> State:
    """How far the training of a run has come."""
    folder = run_folder(root, run)
    if result := read_json(folder / RESULT):
        return State("finished", run["steps"], result["loss"], whole_seconds(result))
    steps = last_metrics(folder).get("step", 0)
    if failure := read_json(folder / FAILED):
        return State("failed", steps, None, None, failure["exception"])
    return state_by_claim(folder, steps)


def state_by_claim(folder: Path, steps: int) -> State:
    """The state of a run that is not over: it waits unless somebody has claimed it."""
    owner = claim.owner(folder)
    if owner is None:
        return State("waiting", steps, None, None)
    condition, who = claim.condition(folder), f"{owner.get('host')}:{owner.get('pid')}"
    if condition == "live":
        age = time.time() - owner["started"] if owner else None
        return State("running", steps, None, age, who)
    if condition == "silent":
        return State("silent", steps, None, None, f"{who} is not seen to be alive; {SILENT}")
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


def read_json(path: Path) -> dict[str, Any] | None:
    """What a file holds; None where there is none."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
