"""Packed, side by side or one at a time: measured on this machine, and the fastest taken.

python -m sweeps.launcher.modes --root DIR    writes DIR/modes.json, for workers of Slurm
"""

import argparse
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweeps.launcher import forecast, local
from sweeps.launcher.local import Machine, Mode
from sweeps.launcher.lock import one_at_a_time
from sweeps.launcher.measure import describe, label, measure, read_measurement
from sweeps.launcher.plan import config_of, read_plan, select
from sweeps.launcher.state import folders_of, is_over, run_folder
from vdit import errors
from vdit.training.slots import recorded_mode

NAMES = ("one", "side_by_side", "packed")
DEFAULT, SLURM = "side_by_side", "slurm"
MAXIMUM_SLOTS = 16
# What measuring costs (on two cores 59 s, 32 where all was compiled before) is to be no more than a
# tenth of the sweep.
COST_S, WORTH = 60.0, 10

Choices = dict[str, Mode]
Asked = tuple[str, int | None]  # a mode or `auto`, and a number of workers or None


def find_machine(mesh: Mapping[str, int], name: str = "") -> Machine:
    """This machine, under the given name or its like's, for runs of that mesh."""
    platform, devices = local.find_devices()
    need = 1 if platform == "cpu" else local.devices_needed(mesh)
    return Machine(name or f"{platform} x{len(devices)}", platform, devices, need)


def choices_for(machine: Machine, runs: list[dict[str, Any]], workers: int | None) -> Choices:
    """The modes there are to choose from on this machine, none twice under two names."""
    apart = local.shares(machine.devices, workers, machine.need)
    found = {DEFAULT: Mode(DEFAULT, apart)}
    if workers is None and len(apart) > 1:
        found["one"] = Mode("one", [machine.devices])
    together = _together(machine, workers)
    return found | packed(machine, runs, together, len(together))


def _together(machine: Machine, workers: int | None) -> list[list[str]]:
    """The devices of workers that pack: on CPU one has all cores, elsewhere each has a device."""
    if machine.platform == "cpu" and not workers:
        return [machine.devices]
    return local.shares(machine.devices, workers, machine.need)


def packed(
    machine: Machine, runs: list[dict[str, Any]], shares: list[list[str]], workers: int
) -> Choices:
    """Packing, where it can be: no more slots than give each worker of the sweep its part."""
    slots = min(MAXIMUM_SLOTS, math.ceil(len(dominating(runs)) / workers))
    return {"packed": Mode("packed", shares, slots)} if slots > 1 and machine.need == 1 else {}


def dominating(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The runs of the program that most FLOPs are of, the longest first."""
    groups: dict[str, list] = {}
    for run in runs:
        groups.setdefault(run["program"], []).append(run)
    most = max(groups.values(), key=lambda group: sum(run["flops"] for run in group))
    return sorted(most, key=lambda run: -run["steps"])


def decide(
    root: Path,
    machine: Machine,
    runs: list[dict[str, Any]],
    asked: Asked,
) -> tuple[Mode | None, str]:
    """The mode to train `runs` in, None if that is to be measured first, and why, in a line.

    A sweep that takes but little longer than measuring is not worth it.
    """
    name, workers = asked
    default = Mode(DEFAULT, local.shares(machine.devices, workers, machine.need))
    if not runs:
        return default, "none; others have the runs that are left"
    choices = choices_for(machine, runs, workers)
    if name in choices:
        return choices[name], f"{label(name)}, as asked"
    if name != "auto":
        return default, f"{label(DEFAULT)}; nothing here could be {label(name)}"
    if len(runs) == 1 and not workers:
        return _of_one(root, machine, runs[0], choices)
    if workers or len(choices) == 1:
        return default, label(DEFAULT)
    if found := read_measurement(root, machine.name):
        return choices.get(found["fastest"], default), describe(found)
    if (seconds := _expected_s(root, machine, runs)) < WORTH * COST_S:
        return default, f"{label(DEFAULT)}; {seconds:.0f} s of work are too few to measure modes"
    return None, f"to be measured: {', '.join(map(label, choices))}"


def _of_one(
    root: Path, machine: Machine, run: dict[str, Any], choices: Choices
) -> tuple[Mode, str]:
    """A lone run has all that there is, unless it began otherwise: with its cores go its bits."""
    began = recorded_mode(run_folder(root, run)).get("mode", "one")
    lone = choices | {"packed": Mode("packed", _together(machine, None)[:1])}
    mode = lone.get(began, choices[DEFAULT])
    return mode, f"one run, {label(mode.name)}"


def choose(
    root: Path, machine: Machine, runs: list[dict[str, Any]], asked: Asked
) -> tuple[Mode, str]:
    """As `decide`, after measuring where that is wanted."""
    with one_at_a_time(root / "modes.lock"):  # a second launcher waits and then finds it done
        mode, why = decide(root, machine, runs, asked)
        if mode:
            return mode, why
        choices = choices_for(machine, runs, None)
        found = measure(root, machine, dominating(runs), choices)
    return choices[found["fastest"]], describe(found)


def _expected_s(root: Path, machine: Machine, runs: list[dict[str, Any]]) -> float:
    seconds, _ = forecast.expected_seconds(root, runs)
    return forecast.spread(seconds, len(machine.devices))


def main() -> None:
    """Measures the modes of a job of Slurm, where that is worth it."""
    parser = argparse.ArgumentParser(prog="python -m sweeps.launcher.modes", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder with sweep.json")
    parser.add_argument("--workers", type=int, default=1, help="jobs that will share the runs")
    parser.add_argument("--up_to", type=float, default=math.inf, help="leave out larger budgets")
    arguments = parser.parse_args()
    root, plan = arguments.root, read_plan(arguments.root)
    runs = select(plan, arguments.up_to)
    both = zip(runs, folders_of(root, runs), strict=True)
    left = [run for run, folder in both if not is_over(folder)]
    if not left or read_measurement(root, SLURM):
        return
    machine = find_machine(config_of(left[0]).mesh, SLURM)
    here = [machine.devices]
    choices = {"one": Mode("one", here)} | packed(machine, left, here, arguments.workers)
    if len(choices) > 1 and _expected_s(root, machine, left) >= WORTH * COST_S:
        print(describe(measure(root, machine, dominating(left), choices)))


if __name__ == "__main__":
    errors.run(main)
