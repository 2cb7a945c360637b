"""Captions for the training clips that have none, written by a trained captioner.

python -m vdit.caption --workdir runs/captioner --out data/captions [--data data/mine] [--long 0.8]

Training then reads them by --config.data.captions=data/captions. The same command, started several
times, shares the work; killed and started again it goes on.
"""

import argparse
import pathlib
import sys
from typing import Any

from vdit import errors
from vdit.errors import InputError
from vdit.runs import compile_cache


def parse_args(argv: list[str]) -> argparse.Namespace:
    """The flags, checked."""
    parser = errors.parser("vdit.caption", __doc__)
    parser.add_argument("--workdir", required=True, help="run of experiments/captioner.py")
    parser.add_argument("--out", required=True, type=pathlib.Path, help="folder to write")
    parser.add_argument(
        "--data",
        help="prepared folder, of one shape or of buckets (by default the captioner's own data)",
    )
    parser.add_argument(
        "--long",
        type=float,
        help="share of the clips to ask for captions longer than the median, the rest for shorter "
        "ones (by default the captioner chooses)",
    )
    parser.add_argument("--seed", type=int, default=0, help="fixes which clips are asked for long")
    parser.add_argument("--step", type=int, help="checkpoint to read (the last by default)")
    parser.add_argument("--no_verify", action="store_true", help="trust the checkpoint unread")
    args = parser.parse_args(argv)
    if args.long is not None and not 0 <= args.long <= 1:
        raise InputError(f"--long {args.long:g}: expected a share from 0 to 1")
    if args.seed < 0:
        raise InputError(f"--seed {args.seed}: expected 0 or more")
    return args


def data_of(args: argparse.Namespace, video: tuple[int, int, int]) -> Any:
    """The data whose clips are captioned: a prepared folder, or what the captioner's run read."""
    from vdit.runs.folder import read_config

    data = read_config(args.workdir).data
    if args.data:
        shape = dict(zip(("num_frames", "height", "width"), video, strict=True))
        data.update({"name": "video_folder", "dir": args.data, "epochs": 0} | shape)
    return data


def main(argv: list[str] | None = None) -> int:
    """Writes the captions that the command line asks for, or says that they are there."""
    args = parse_args(sys.argv[1:] if argv is None else argv)
    compile_cache.use_for(args.workdir)
    import vdit
    from vdit.captioning import recaption, words

    model = vdit.load(args.workdir, args.step, verify=not args.no_verify)
    lengths = words.Lengths(args.long, args.seed)
    print(recaption.recaption(model, data_of(args, model.video), args.out, lengths))
    return 0


if __name__ == "__main__":
    errors.run(main)
