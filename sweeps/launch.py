"""Launches a sweep, or the rest of it: finished runs are skipped, claimed ones left to others."""

import argparse
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweeps import forecast, local, slurm
from sweeps.plan import build_config, make_plan, select, write_plan
from sweeps.status import state_of
from sweeps.watch import OVER_STATES, watch
from sweeps.worker import FAILED, run_folder
from vdit import cli
from vdit.errors import InputError


def main() -> int:
    arguments = _parser().parse_args()
    if arguments.workers is not None and arguments.workers < 1:
        raise InputError(f"--workers {arguments.workers}: expected 1 or more")
    root = arguments.root
    plan = make_plan(arguments.sweep, root, arguments.set)
    runs = select(plan, arguments.hold_out)
    if arguments.dry_run:
        workers = arguments.workers or len(_machine(root, plan, runs, None)[1])
        print(forecast.describe(root, runs, workers))
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
    platform, shares = _machine(root, plan, runs, arguments.workers)
    print(f"{len(runs)} runs, {len(shares)} workers on {platform}; logs in {root / 'logs'}")
    local.prepare(root, arguments.hold_out)
    with local.Pool(root, arguments.hold_out, platform, shares) as pool:
        watch(root, runs, pool)


def _machine(
    root: Path, plan: Mapping[str, Any], runs: list[dict], workers: int | None
) -> tuple[str, list[list[str]]]:
    """The platform, and the devices of each worker: one for each core, or as the mesh needs."""
    platform, devices = local.find_devices()
    mesh = build_config(plan, root, runs[0]["overrides"]).mesh
    need = 1 if platform == "cpu" else local.devices_needed(mesh)
    return platform, local.shares(devices, workers, need)


def _submit(root: Path, runs: list[dict], arguments) -> int:
    workers = arguments.workers or min(len(runs), slurm.MAXIMUM_WORKERS)
    latents, array = slurm.submit(root, arguments.hold_out, workers)
    print(f"submitted {root / 'slurm.sh'}: job {latents} makes the latents, then {workers} workers")
    print(f"share the runs as job {array}; follow with: python -m sweeps.status --root {root}")
    return 0


def _close(root: Path, runs: list[dict], seconds: float) -> int:
    """Says how it went; every failed run is named, and makes the exit status 1."""
    states = [state_of(root, run) for run in runs]
    failed = [(r, s) for r, s in zip(runs, states, strict=True) if s.name == "failed"]
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


if __name__ == "__main__":
    cli.run(main)
