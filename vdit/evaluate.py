"""Checkpoints to scores: validation losses, and measures of the sampled videos themselves.

python -m vdit.evaluate --workdir runs/s [--step N | --all] [--only NAME,...] [--clips N]
python -m vdit.evaluate --root runs/demo [--all] [--only NAME,...] [--clips N] [--executor slurm]

Evaluators are those of the run's config (`config.evaluators`), or those named. With --root a whole
sweep is scored: what is missing, shared among workers as its runs were.
"""

import argparse
import json
import os
import sys

from vdit import errors, evaluators
from vdit.errors import InputError
from vdit.runs import compile_cache


def parse_args(argv: list[str]) -> argparse.Namespace:
    """The flags, checked; with --root the launcher reads the same ones again."""
    parser = argparse.ArgumentParser(
        "python -m vdit.evaluate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--workdir", help="folder of a run of vdit.main")
    where.add_argument("--root", help="folder of a sweep of sweeps.launch")
    parser.add_argument("--step", type=int, help="checkpoint to read (the last by default)")
    parser.add_argument("--all", action="store_true", help="every checkpoint kept")
    parser.add_argument(
        "--only", default="", metavar="NAME,...", help=", ".join(evaluators.names())
    )
    parser.add_argument("--clips", type=int, help="videos to sample (as the config has it)")
    parser.add_argument("--no_verify", action="store_true", help="trust checkpoints unread")
    parser.add_argument("--executor", choices=("local", "slurm"), help="with --root: where")
    parser.add_argument("--workers", type=int, help="with --root: how many processes or jobs")
    args = parser.parse_args(argv)
    if args.step is not None and (args.all or args.root):
        raise InputError(f"--step {args.step}: not with --all or --root")
    if args.clips is not None and args.clips < 1:
        raise InputError(f"--clips {args.clips}: expected 1 or more")
    if args.root and args.no_verify:
        raise InputError("--no_verify: with --workdir only")
    if args.workdir and (args.executor or args.workers):
        raise InputError("--executor and --workers are for --root, a sweep")
    return args


def evaluate_one(args: argparse.Namespace) -> None:
    """Measures a run's checkpoints and prints a line for each."""
    from vdit.runs import evaluations
    from vdit.runs.folder import find, read_config, steps_saved
    from vdit.training.evaluation import evaluate_run

    only, folder = evaluators.parse(args.only), find(args.workdir)
    asked = evaluations.evaluators_of(read_config(folder), only, args.clips)
    one = None if args.step is None else [args.step]
    steps = steps_saved(folder) if args.all else one
    for found in evaluate_run(folder, steps, asked, not args.no_verify):
        measured = [found["evaluators"][name]["records"] for name in asked]
        records = [evaluations.Record(**record) for part in measured for record in part]
        print(json.dumps({"step": found["step"]} | evaluations.columns(records)))
        for name, part in zip(asked, measured, strict=True):
            if not part:
                print(f"{name}: nothing to measure on this run", file=sys.stderr)


def main() -> int:
    """Measures what the command line asks for; a sweep is handed to its launcher."""
    args = parse_args(sys.argv[1:])
    if args.root:  # the machinery of sweeps is a room above this one: a command, not an import
        command = [sys.executable, "-m", "sweeps.launcher.evaluate", *sys.argv[1:]]
        os.execv(sys.executable, command)
    compile_cache.use_for(args.workdir)
    evaluate_one(args)
    return 0


if __name__ == "__main__":
    errors.run(main)
