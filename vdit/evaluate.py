"""Checkpoints to scores: validation losses, and measures of the sampled videos themselves.

python -m vdit.evaluate --workdir runs/s [--step N | --all] [--only NAME,...] [--clips N]
    [--features NAME,...]
python -m vdit.evaluate --root runs/demo [--all] [--only NAME,...] [--clips N] [--executor slurm]
python -m vdit.evaluate --videos A --reference B [--only NAME,...] --out scores.json

Evaluators are those of the run's config (`config.evaluators`), or those named. With --root a whole
sweep is scored: what is missing, shared among workers as its runs were. With --videos any folder of
videos is held against another: --only names metrics. --features is what videos are described by,
there and by a run's `sets`. With --workdir the last line on stderr says what each evaluator took.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import sys

from vdit import errors, evaluators
from vdit.data.video_folder.flags import number, size
from vdit.errors import InputError
from vdit.evaluators import features
from vdit.runs import compile_cache
from vdit.runs.files import write_json

OF_VIDEOS = ("reference", "out", "frames", "size")


def parse_args(argv: list[str]) -> argparse.Namespace:
    """The flags, checked; with --root the launcher reads the same ones again."""
    args = _parser().parse_args(argv)
    if args.step is not None and (args.all or args.root):
        raise InputError(f"--step {args.step}: not with --all or --root")
    if args.no_verify and not args.workdir:
        raise InputError("--no_verify: with --workdir only")
    if args.text_encoder and not args.workdir:
        raise InputError("--text_encoder: with --workdir only")
    if (args.executor or args.workers or args.best) and not args.root:
        raise InputError("--executor, --workers and --best are for --root, a sweep")
    for name in OF_VIDEOS:
        if getattr(args, name) and not args.videos:
            raise InputError(f"--{name}: with --videos only")
    if args.features and args.root:
        raise InputError(
            "--features: with --videos or --workdir; of a sweep evaluators.sets has it"
        )
    if args.videos and not (args.reference and args.out):
        raise InputError("--videos: expected with --reference and --out")
    if args.videos and (args.all or args.step is not None or args.clips):
        raise InputError("--step, --all and --clips are for checkpoints, not for --videos")
    return args


def _parser() -> argparse.ArgumentParser:
    parser = errors.parser("vdit.evaluate", __doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--workdir", help="folder of a run of vdit.main")
    where.add_argument("--root", help="folder of a sweep of sweeps.launch")
    where.add_argument("--videos", type=pathlib.Path, help="folder of videos, searched deeply")
    add = parser.add_argument
    add("--reference", type=pathlib.Path, help="folder that --videos is held against")
    add("--out", type=pathlib.Path, help="scores.json to write, of --videos")
    add("--features", metavar="NAME[:OPTION=VALUE],...", help=", ".join(features.names()))
    add("--frames", type=number(int, 1), help="first frames of each video (all of the shortest)")
    add("--size", type=size, help="pixels: N for NxN, or HxW (the one that all videos have)")
    add("--step", type=int, help="checkpoint to read (the last by default)")
    add("--all", action="store_true", help="every checkpoint kept")
    add(
        "--only",
        default="",
        metavar="NAME,...",
        help=f"{', '.join(evaluators.names())}; of --videos metrics, such as frechet,kernel",
    )
    add("--clips", type=number(int, 1), help="videos to sample (as the config has it)")
    add("--no_verify", action="store_true", help="trust checkpoints unread")
    add("--text_encoder", help="folder of the run's text encoder, if it moved")
    add("--best", action="store_true", help="with --root: of each budget the size of lowest loss")
    add("--executor", choices=("local", "slurm"), help="with --root: where")
    add("--workers", type=int, help="with --root: how many processes or jobs")
    return parser


def evaluate_one(args: argparse.Namespace) -> None:
    """Measures a run's checkpoints; prints a line for each, and what all of it took."""
    from vdit.runs import evaluations
    from vdit.runs.folder import find, read_config, steps_saved
    from vdit.runs.spent import Spent

    spent = Spent()  # before JAX is imported
    from vdit.training.evaluation import evaluate_run

    only, folder = evaluators.parse(args.only), find(args.workdir)
    asked = evaluations.evaluators_of(read_config(folder), only, args.clips)
    if args.features:
        if "sets" not in asked:
            raise InputError(f"--features: of sets, which is not among {', '.join(asked)}")
        asked["sets"]["features"] = tuple(evaluators.parse(args.features))
    one = None if args.step is None else [args.step]
    steps = steps_saved(folder) if args.all else one
    for found in evaluate_run(folder, steps, asked, not args.no_verify, args.text_encoder, spent):
        measured = [found["evaluators"][name]["records"] for name in asked]
        records = [evaluations.Record(**record) for part in measured for record in part]
        print(json.dumps({"step": found["step"]} | evaluations.columns(records)))
        for name, part in zip(asked, measured, strict=True):
            if not part:
                print(f"{name}: nothing to measure on this run", file=sys.stderr)
    print(spent, file=sys.stderr)


def compare_folders(args: argparse.Namespace) -> None:
    """Scores of a folder of videos against another: printed, and written to --out."""
    from vdit.evaluators.folders.compare import Request, compare, table

    names = {"metrics": args.only, "features": args.features or ""}
    chosen = {key: tuple(evaluators.parse(text)) for key, text in names.items() if text}
    asked = Request(args.videos, args.reference, frames=args.frames, size=args.size, **chosen)
    found = compare(asked)
    write_json(args.out, dataclasses.asdict(found))
    print(table(found))


def main() -> int:
    """Measures what the command line asks for; a sweep is handed to its launcher."""
    args = parse_args(sys.argv[1:])
    if args.root:  # the machinery of sweeps is a room above this one: a command, not an import
        command = [sys.executable, "-m", "sweeps.launcher.evaluate", *sys.argv[1:]]
        os.execv(sys.executable, command)
    compile_cache.use_for(args.workdir or args.videos)
    compare_folders(args) if args.videos else evaluate_one(args)
    return 0


if __name__ == "__main__":
    errors.run(main)
