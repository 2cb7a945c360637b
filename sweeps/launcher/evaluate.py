"""Evaluates a sweep's checkpoints with workers as it was trained, and only what is missing.

    python -m sweeps.launcher.evaluate --root DIR [--only losses,worlds] [--clips N] [--all|--best]

`python -m vdit.evaluate --root DIR` is the same. Launchers may share a root.
"""

import argparse
import time
from pathlib import Path

from sweeps.launcher import modes, slurm
from sweeps.launcher.evaluation import Evaluation
from sweeps.launcher.launch import check_workers, run_here, submitted
from sweeps.launcher.plan import read_plan
from sweeps.launcher.watch import close
from vdit import errors, evaluators
from vdit.errors import InputError


def main() -> int:
    """Evaluates what is missing; those that fail are named, and make the exit status 1."""
    arguments = _parser().parse_args()
    check_workers(arguments.workers)
    only = evaluators.parse(arguments.only)
    asked = (only, arguments.all, arguments.clips, arguments.best)
    job = Evaluation(arguments.root, read_plan(arguments.root), *asked)
    evaluators.check(job.evaluators())
    if not job.runs:
        raise InputError(f"--root {job.root}: no run there has ended and has a checkpoint")
    for run in job.runs:
        job.begin_again(run)
    started = time.monotonic()
    if not job.is_done():
        if arguments.executor == "slurm":
            workers = arguments.workers or min(len(job.runs), slurm.MAXIMUM_WORKERS)
            print(submitted(job.root, workers, slurm.submit(job, workers, "vdit.evaluate")))
            return 0
        side_by_side = modes.label(modes.DEFAULT)
        run_here(job, lambda m: (modes.side_by_side(m, arguments.workers), side_by_side))
    return close(job, time.monotonic() - started)


def _parser() -> argparse.ArgumentParser:
    parser = errors.parser("vdit.evaluate", __doc__)
    add = parser.add_argument
    add("--root", type=Path, required=True, help="folder of a sweep")
    add("--only", default="", metavar="NAME,...", help="evaluators (default: as the configs ask)")
    add("--clips", type=int, help="videos to sample (default: as the configs have it)")
    add("--best", action="store_true", help="of each budget the size of lowest loss alone")
    add("--all", action="store_true", help="every kept checkpoint, of unfinished runs too")
    add("--executor", choices=("local", "slurm"), default="local", help="default: local")
    add("--workers", type=int, help="worker processes (default: one per core or accelerator)")
    return parser


if __name__ == "__main__":
    errors.run(main)
