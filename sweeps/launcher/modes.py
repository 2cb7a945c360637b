"""How runs share a machine: side by side, one at a time or packed, as `--mode` asks.

Side by side was the fastest on two cores (analysis/results/sweep_speed). A lone run has all that
there is.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweeps.launcher import local
from sweeps.launcher.local import Machine, Mode
from sweeps.launcher.state import run_folder
from vdit.runs.mode import recorded_mode

NAMES = ("one", "side_by_side", "packed")
DEFAULT = "side_by_side"
MAXIMUM_SLOTS = 16

Runs = list[dict[str, Any]]


def find_machine(mesh: Mapping[str, int]) -> Machine:
    """This machine, for runs of that mesh."""
    platform, devices = local.find_devices()
    return Machine(platform, devices, 1 if platform == "cpu" else local.devices_needed(mesh))


def side_by_side(machine: Machine, workers: int | None) -> Mode:
    """As many workers as there are devices for, or `workers`, a run in each."""
    return Mode(DEFAULT, local.shares(machine.devices, workers, machine.need))


def choices_for(machine: Machine, runs: Runs, workers: int | None) -> dict[str, Mode]:
    """The modes there are to choose from on this machine, none twice under two names."""
    found = {DEFAULT: side_by_side(machine, workers)}
    if workers is None and len(found[DEFAULT].shares) > 1:
        found["one"] = Mode("one", [machine.devices])
    together = _together(machine, workers)
    # No more slots than give each worker its part.
    slots = min(MAXIMUM_SLOTS, math.ceil(_most_alike(runs) / len(together)))
    if slots > 1 and machine.need == 1:
        found["packed"] = Mode("packed", together, slots)
    return found


def _together(machine: Machine, workers: int | None) -> list[list[str]]:
    """The devices of workers that pack: on CPU one has all cores, elsewhere each has a device."""
    if machine.platform == "cpu" and not workers:
        return [machine.devices]
    return local.shares(machine.devices, workers, machine.need)


def _most_alike(runs: Runs) -> int:
    """How many runs the program has that most FLOPs are of."""
    groups: dict[str, list[float]] = {}
    for run in runs:
        groups.setdefault(run["program"], []).append(run["flops"])
    return len(max(groups.values(), key=sum))


def choose(
    root: Path, machine: Machine, runs: Runs, name: str | None, workers: int | None
) -> tuple[Mode, str]:
    """The mode to train `runs` in, and why, in a line; `name` is the one asked for, if any."""
    default = side_by_side(machine, workers)
    if not runs:
        return default, "none; others have the runs that are left"
    choices = choices_for(machine, runs, workers)
    if name in choices:
        return choices[name], f"{label(name)}, as asked"
    if name:
        return default, f"{label(DEFAULT)}; nothing here could be {label(name)}"
    if len(runs) > 1 or workers:
        return default, label(DEFAULT)
    # A lone run has all that there is, unless it began otherwise: with its cores go its bits.
    began = recorded_mode(run_folder(root, runs[0])).get("mode", "one")
    lone = choices | {"packed": Mode("packed", _together(machine, None)[:1])}
    mode = lone.get(began, default)
    return mode, f"one run, {label(mode.name)}"


def label(name: str) -> str:
    """A mode's name as it is printed."""
    return {"one": "one at a time"}.get(name, name.replace("_", " "))
