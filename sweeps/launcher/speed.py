"""Runs per hour of a sweep: one process a run, and each mode of the launcher.

Start-up and compilation are counted, making the latents is not: they are made before. `cpu_s` are
seconds of all cores together, `load` is the machine's when the mode began: both say how far another
program's work is in the numbers.
"""

import argparse
import csv
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tqdm import tqdm

from sweeps.launcher import local, modes
from sweeps.launcher.plan import make_plan, select, split_argument, write_plan
from sweeps.launcher.training import Training
from vdit.errors import InputError

BASELINE = "one process a run"
COLUMNS = ("mode", "runs", "seconds", "cpu_s", "runs_per_hour", "ratio", "machine", "load")
QUIET = {"TQDM_DISABLE": "1"}


def main() -> None:
    """Times every mode on the sweep; writes the table anew after each."""
    arguments = _parser().parse_args()
    root = arguments.root
    if root.exists():
        raise InputError(f"--root {root} exists: finished runs would count; give another")
    settings = [*arguments.set]
    if not any(setting.startswith("cache=") for setting in settings):
        settings.append(f"cache={root / 'latents'}")
    plan = make_plan(arguments.sweep, root / "plan", settings)
    write_plan(root / "plan", plan)
    local.prepare(Training(root / "plan", plan["runs"]))
    rows = []
    for mode in tqdm([BASELINE, *modes.NAMES], "modes"):
        load, began, cpu_began = os.getloadavg()[0], time.monotonic(), _cpu_s()
        if mode == BASELINE:
            _one_by_one(root, plan)
        else:
            _launch(root / mode, arguments.sweep, settings, mode)
        spent = time.monotonic() - began, _cpu_s() - cpu_began
        rows.append(_row(mode, len(plan["runs"]), spent, load))
        print(", ".join(f"{k} {v}" for k, v in rows[-1].items() if k != "machine"))
        _write(arguments.out, rows)


def _one_by_one(root: Path, plan: dict[str, Any]) -> None:
    """`python -m vdit.main` for every run: start-up and compilation paid each time."""
    path, argument = split_argument(plan["experiment"])
    for run in select(plan):
        overrides = {"autoencoder.dir": str(root / "plan" / "autoencoder")} | run["overrides"]
        flags = [f"--config.{key}={value}" for key, value in overrides.items()]
        place = ["--config", f"{path}:{argument}", "--workdir", str(root / "alone" / run["run_id"])]
        _check([sys.executable, "-m", "vdit.main", *place, *flags])


def _launch(root: Path, sweep: str, settings: list[str], mode: str) -> None:
    place = ["--sweep", sweep, "--root", str(root), "--mode", mode]
    _check([sys.executable, "-m", "sweeps.launch", *place, "--set", *settings])


def _check(command: list[str]) -> None:
    done = subprocess.run(command, env=os.environ | QUIET, stdout=subprocess.DEVNULL)
    if done.returncode:
        raise SystemExit(done.returncode)  # it has said why on the same stderr


def _cpu_s() -> float:
    """CPU seconds of the processes that were started here and have ended, with their children."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _row(mode: str, runs: int, spent: tuple[float, float], load: float) -> dict[str, Any]:
    platform, devices = local.find_devices()
    seconds, cpu_s = spent
    return {
        "mode": mode,
        "runs": runs,
        "seconds": round(seconds, 1),
        "cpu_s": round(cpu_s, 1),
        "runs_per_hour": round(3600 * runs / seconds, 1),
        "machine": f"{platform} x{len(devices)}",
        "load": round(load, 1),
    }


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    """The table so far; `ratio` is of runs per hour to those of one process a run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for row in rows:
            ratio = row["runs_per_hour"] / rows[0]["runs_per_hour"]
            writer.writerow(row | {"ratio": round(ratio, 2)})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sweeps.speed", description=__doc__)
    add = parser.add_argument
    add("--sweep", default="sweeps/short.py", metavar="FILE[:ARG]", help="what to train")
    add("--root", type=Path, required=True, help="a new folder for all the runs")
    add("--out", type=Path, required=True, help="the table, CSV")
    add("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="as in launch")
    return parser
