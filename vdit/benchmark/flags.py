"""The flags of `python -m vdit.bench`, and the cases that they ask for. No JAX here."""

import argparse
import pathlib

from vdit import errors
from vdit.benchmark import cases
from vdit.config import model_flags
from vdit.config.activations import ITEM, REMATS
from vdit.config.model_config import VARIANTS
from vdit.config.sizes import SIZES
from vdit.errors import InputError


def parser(description: str) -> argparse.ArgumentParser:
    """The flags that `asked` reads, and those of `--data`."""
    parser = errors.parser("vdit.bench", description)
    add = parser.add_argument
    add("--sizes", nargs="+", default=cases.DEMO_SIZES, metavar="SIZE", help=", ".join(SIZES))
    add("--attention", nargs="+", default=["full"], metavar="NAME", help=", ".join(VARIANTS))
    add("--remat", nargs="+", default=["none"], choices=REMATS, help=", ".join(REMATS))
    add("--batch", default=str(cases.DEMO_BATCH), help="clips of a step, on all devices together")
    add("--latent", default="3,8,8,8", help="T,H,W,C of a clip's latents")
    add("--patch", default="1,2,2", help="frames, height, width of a patch")
    dtypes = ("auto", *ITEM)
    add("--dtype", default="auto", choices=dtypes, help=f"{', '.join(dtypes)}: as a run would have")
    add("--goals", action="store_true", help="DiT-XL/2, Latte-XL/2, full attention; on a GPU")
    add("--minutes", type=float, default=9.5, metavar="M", help="with --goals: end before")
    add(
        "--peer",
        metavar="torch|DIR",
        help="PyTorch's step, or another checkout's, in turns with ours",
    )
    add("--data", action="store_true", help="what the pipeline brings against what a step eats")
    add("--videos", type=pathlib.Path, metavar="DIR", help="with --data: prepare beside decoding")
    add("--out", metavar="FILE", help="the table as CSV")
    return parser


def asked(args: argparse.Namespace) -> list[cases.Case]:
    """What is to be measured; `InputError` where nothing is left of it."""
    chosen = cases.grid(
        args.sizes,
        args.attention,
        args.remat,
        latent=model_flags.integers("latent", args.latent, 4, 1),
        patch=model_flags.integers("patch", args.patch, 3, 1),
        batch=model_flags.integers("batch", args.batch, 1, 1)[0],
        dtype=args.dtype,
    )
    if not chosen:
        raise InputError("no case is left to measure")
    return chosen
