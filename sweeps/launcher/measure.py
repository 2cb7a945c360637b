"""How fast each mode trains here: step benchmarks in processes like workers, to modes.json."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sweeps.launcher import local
from sweeps.launcher.local import Machine, Mode
from vdit.runs.files import NUMBER, DamagedFileError, find_json, require, write_json
from vdit.training.slots import idle_steps, stages

FILE = "modes.json"
MEASURED = {"size": str, "batch": int, "steps_per_s": dict, "fastest": str}
MEASURE_S = 1.5  # of training, in each mode


def read_measurement(root: Path, machine: str) -> dict[str, Any] | None:
    """What has been measured for this root on such a machine."""
    return _read(root).get(machine)


def _read(root: Path) -> dict[str, Any]:
    """What has been measured, by machine; nothing, and a line on it, where the file is damaged: it
    is measured anew."""
    try:
        return find_json(root / FILE, "the speeds of modes", _check) or {}
    except DamagedFileError as error:
        print(f"{error}; left out", file=sys.stderr, flush=True)
        return {}


def _check(found: dict[str, Any]) -> None:
    for measured in found.values():
        require(measured, MEASURED)
        require(measured["steps_per_s"], {measured["fastest"]: NUMBER})
        require(measured["steps_per_s"], dict.fromkeys(measured["steps_per_s"], NUMBER))
        if measured["fastest"] == "packed":
            require(measured, {"slots": int})


def measure(
    root: Path, machine: Machine, group: list[dict[str, Any]], choices: dict[str, Mode]
) -> dict[str, Any]:
    """Benchmarks each mode on runs of one program, longest first; writes ROOT/modes.json."""
    found: dict[str, Any] = {"size": group[0]["size"], "batch": group[0]["batch"]}
    speeds = {}
    for name, mode in choices.items():
        speeds[name], compile_s = _steps_per_s(root, machine, group[0], mode)
        if name == "packed":
            found["slots"], lengths = mode.slots, [run["steps"] for run in group]
            speeds[name] = useful_steps_per_s(speeds[name], compile_s, lengths, mode.slots)
    found |= {"steps_per_s": speeds, "fastest": max(speeds, key=speeds.get)}
    write_json(root / FILE, _read(root) | {machine.name: found})
    return found


def describe(found: dict[str, Any]) -> str:
    """What was measured, in a line."""
    speeds = ", ".join(f"{label(n)} {v:.4g}" for n, v in found["steps_per_s"].items())
    if "slots" in found:
        speeds += f" ({found['slots']} slots, idle ones and compiling discounted)"
    what = f"size {found['size']}, batch {found['batch']}"
    return f"steps/s of {what}: {speeds}; the fastest is {label(found['fastest'])}"


def useful_steps_per_s(speed: float, compile_s: float, lengths: Sequence[int], slots: int) -> float:
    """Useful steps/s of runs packed so, longest first, from the speed of slots that are all busy.

    Some slots are idle, and each size that a pack shrinks to is compiled once; what a benchmark has
    compiled, workers find in the cache.
    """
    packs = [lengths[i : i + slots] for i in range(0, len(lengths), slots)]
    programs = {len(stage.slots) for pack in packs for stage in stages(pack)} - {slots}
    if not speed:
        return 0.0
    seconds = (sum(lengths) + sum(map(idle_steps, packs))) / speed + len(programs) * compile_s
    return sum(lengths) / seconds


def _steps_per_s(
    root: Path, machine: Machine, run: dict[str, Any], mode: Mode
) -> tuple[float, float]:
    """Steps/s of all slots of all workers at once, 0 where one of them fails; compile seconds."""
    processes = [_start(root, machine, run, mode, i) for i in range(len(mode.shares))]
    try:
        compile_s = [float(process.stdout.readline() or "nan") for process in processes]
        if any(map(math.isnan, compile_s)):
            return 0.0, 0.0
        for process in processes:
            process.stdin.write(f"{MEASURE_S}\n")
            process.stdin.flush()
        answers = [json.loads(process.stdout.readline() or "[0, 1]") for process in processes]
        return sum(steps / seconds for steps, seconds in answers), max(compile_s)
    finally:
        for process in processes:
            process.communicate()  # it ends with its input


def _start(
    root: Path, machine: Machine, run: dict[str, Any], mode: Mode, i: int
) -> subprocess.Popen:
    environment, options = local.worker_setting(machine.platform, mode.shares, i)
    which = ["--root", str(root), "--run", run["run_id"], "--slots", str(mode.slots)]
    (root / "logs").mkdir(exist_ok=True)
    with open(root / "logs" / "step_benchmark.log", "a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "sweeps.launcher.step_benchmark", *which, *options],
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )


def label(name: str) -> str:
    """A mode's name as it is printed."""
    return {"one": "one at a time"}.get(name, name.replace("_", " "))
