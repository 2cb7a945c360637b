"""Launches a sweep, or the rest of it: finished runs are skipped, claimed ones left to others."""

import argparse
import math
import time
from collections.abc import Callable
from pathlib import Path

from sweeps.launcher import forecast, garbage, goodput, local, modes, slurm
from sweeps.launcher.job import Job
from sweeps.launcher.local import Machine, Mode
from sweeps.launcher.plan import make_plan, select, up_to, write_plan
from sweeps.launcher.state import OPEN_STATES, State, retry, states_of
from sweeps.launcher.training import Training
from sweeps.launcher.watch import close, watch
from vdit import errors
from vdit.errors import InputError


def main() -> int:
    """Plans the sweep, trains what is left of it, says how it went."""
    arguments = _parser().parse_args()
    check_workers(arguments.workers)
    plan = make_plan(arguments.sweep, arguments.root, arguments.set)
    most = up_to(plan, arguments.hold_out, arguments.up_to)
    options = ["--up_to", repr(most)] if most < math.inf else []
    job = Training(arguments.root, select(plan, most), options)
    if arguments.dry_run:
        return _dry_run(job, arguments)
    write_plan(job.root, plan)
    if arguments.retry_failed:
        retry(job.root, job.runs, print)
    started = time.monotonic()
    if not job.is_done():
        if arguments.executor == "slurm":
            return _submit(job, arguments)
        states = states_of(job.root, job.runs)
        run_here(job, lambda machine: _mode(job, states, machine, arguments))
    print(goodput.show(job.root, job.runs, states_of(job.root, job.runs)))
    return close(job, time.monotonic() - started)


def check_workers(workers: int | None) -> None:
    """Refuses a `--workers` of none."""
    if workers is not None and workers < 1:
        raise InputError(f"--workers {workers}: expected 1 or more")


def run_here(job: Job, choose: Callable[[Machine], tuple[Mode, str]]) -> None:
    """Does a job with workers of this machine, in the mode that is chosen for it."""
    first = next(run for run in job.runs if not job.is_over(run))
    machine = modes.find_machine(job.config(first).mesh)
    local.prepare(job)
    mode, why = choose(machine)
    workers = f"{len(mode.shares)} workers on {machine.platform}"
    print(f"{len(job.runs)} runs, {workers}; logs in {job.root / 'logs'}\nmode: {why}")
    with local.Pool(job, machine.platform, mode) as pool:
        watch(job, pool)


@garbage.uncollected()
def _dry_run(job: Training, arguments: argparse.Namespace) -> int:
    """What would be trained, and how; writes nothing."""
    machine = modes.find_machine(job.config(job.runs[0]).mesh if job.runs else {})
    workers = local.shares(machine.devices, arguments.workers, machine.need)
    states = states_of(job.root, job.runs)
    print(forecast.describe(job.root, job.runs, states, len(workers)))
    print(f"mode: {_mode(job, states, machine, arguments)[1]}")
    return 0


def _mode(
    job: Training, states: list[State], machine: Machine, arguments: argparse.Namespace
) -> tuple[Mode, str]:
    """The mode for the runs that nobody has begun or has at work, and why."""
    both = zip(job.runs, states, strict=True)
    left = [run for run, state in both if state.name in OPEN_STATES]
    return modes.choose(job.root, machine, left, arguments.mode, arguments.workers)


def _submit(job: Training, arguments: argparse.Namespace) -> int:
    workers = arguments.workers or min(len(job.runs), slurm.MAXIMUM_WORKERS)
    slots = modes.MAXIMUM_SLOTS if arguments.mode == "packed" else 1
    options = Mode(arguments.mode, [], slots).options if arguments.mode else []
    print(submitted(job.root, workers, slurm.submit(job, workers, "sweeps.launch", options)))
    return 0


def submitted(root: Path, workers: int, jobs: tuple[str, str]) -> str:
    """What Slurm was given."""
    return (
        f"submitted {root / 'slurm.sh'}: job {jobs[0]} makes the latents, then {workers} workers\n"
        f"share the runs as job {jobs[1]}; follow with: python -m sweeps.status --root {root}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = errors.parser("sweeps.launch", __doc__)
    add = parser.add_argument
    add("--sweep", required=True, metavar="FILE[:ARG]", help="sweeps/demo.py:ARG for its config")
    add("--root", type=Path, required=True, help="folder of the sweep; launchers may share one")
    add("--executor", choices=("local", "slurm"), default="local", help="default: local")
    add("--dry_run", action="store_true", help="print the runs and what they take; write nothing")
    add("--hold_out", action="store_true", help="leave out the largest budget for now")
    add("--up_to", type=float, default=math.inf, metavar="FLOPS", help="leave out larger budgets")
    add("--workers", type=int, help="worker processes (default: one per core or accelerator)")
    add(
        "--mode",
        choices=modes.NAMES,
        help="how runs share the machine (default: side by side; a lone run has all of it)",
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
