"""Launches a sweep, or the rest of it: finished runs are skipped, claimed ones left to others."""

import argparse
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweeps.launcher import forecast, goodput, local, modes, slurm
from sweeps.launcher.plan import make_plan, select, write_plan
from sweeps.launcher.queue import FAILED, run_folder
from sweeps.launcher.status import state_of
from sweeps.launcher.watch import OPEN_STATES, OVER_STATES, watch
from vdit.errors import InputError


def main() -> int:
    arguments = _parser().parse_args()
    if arguments.workers is not None and arguments.workers < 1:
        raise InputError(f"--workers {arguments.workers}: expected 1 or more")
    root = arguments.root
    plan = make_plan(arguments.sweep, root, arguments.set)
    runs = select(plan, arguments.hold_out)
    if arguments.dry_run:
        machine = modes.find_machine(plan, root)
        workers = local.shares(machine.devices, arguments.workers, machine.need)
        print(forecast.describe(root, runs, len(workers)))
        print(f"mode: {modes.decide(*_question(root, machine, runs, arguments))[1]}")
        return 0
    write_plan(root, plan)
    if arguments.retry_failed:
        for run in runs:
            (run_folder(root, run) / FAILED).unlink(missing_ok=True)
    started = time.monotonic()
    if any(state_of(root, run).name not in OVER_STATES for run in runs):
        if arguments.executor == "slurm":
            return _submit(root, runs, arguments)
        _run_here(root, plan, runs, arguments)
    return _close(root, runs, time.monotonic() - started)


def _run_here(root: Path, plan: Mapping[str, Any], runs: list[dict], arguments) -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl-C: the workers end with the launcher
        signal.signal(number, signal.default_int_handler)
    machine = modes.find_machine(plan, root)
    local.prepare(root, arguments.hold_out)
    mode, why = modes.choose(*_question(root, machine, runs, arguments))
    workers = f"{len(mode.shares)} workers on {machine.platform}"
    print(f"{len(runs)} runs, {workers}; logs in {root / 'logs'}\nmode: {why}")
    with local.Pool(root, arguments.hold_out, machine.platform, mode) as pool:
        watch(root, runs, pool)


def _question(root: Path, machine: modes.Machine, runs: list[dict], arguments) -> tuple:
    """What the choice of a mode depends on: the runs that nobody has begun or has at work."""
    left = [run for run in runs if state_of(root, run).name in OPEN_STATES]
    return root, machine, left, (arguments.mode, arguments.workers)


def _submit(root: Path, runs: list[dict], arguments) -> int:
    workers = arguments.workers or min(len(runs), slurm.MAXIMUM_WORKERS)
    slots = modes.MAXIMUM_SLOTS if arguments.mode == "packed" else 1
    options = local.Mode(arguments.mode, [], slots).options if arguments.mode != "auto" else []
    latents, array = slurm.submit(root, arguments.hold_out, workers, options)
    print(f"submitted {root / 'slurm.sh'}: job {latents} makes the latents, then {workers} workers")
    print(f"share the runs as job {array}; follow with: python -m sweeps.status --root {root}")
    return 0


def _close(root: Path, runs: list[dict], seconds: float) -> int:
    """Says how it went; every failed run is named, and makes the exit status 1."""
    states = [state_of(root, run) for run in runs]
    failed = [(r, s) for r, s in zip(runs, states, strict=True) if s.name == "failed"]
    print(goodput.show(root, runs))
    print(f"{len(runs) - len(failed)} of {len(runs)} runs are finished ({seconds:.0f} s)")
    for run, state in failed:
        name = f"{run['run_id']} size {run['size']} budget {run['flops_budget']:.3g}"
        print(f"failed: {name}: {state.note}")
    if failed:
        print("try them again with --retry_failed; tracebacks are in the runs' failed.json")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sweeps.launch", description=__doc__)
    add = parser.add_argument
    add("--sweep", required=True, metavar="FILE[:ARG]", help="sweeps/demo.py:ARG for its config")
    add("--root", type=Path, required=True, help="folder of the sweep; launchers may share one")
    add("--executor", choices=("local", "slurm"), default="local", help="default: local")
    add("--dry_run", action="store_true", help="print the runs and what they take; write nothing")
    add("--hold_out", action="store_true", help="leave out the largest budget for now")
    add("--workers", type=int, help="worker processes (default: one per core or accelerator)")
    add(
        "--mode",
        choices=("auto", *modes.NAMES),
        default="auto",
        help="how runs share the machine (default: the fastest, measured if that is worth it)",
    )
    add("--retry_failed", action="store_true", help="try runs again that have failed")
    add(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="change the base config",
    )
    return parser
