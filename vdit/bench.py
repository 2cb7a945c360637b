"""What a training step costs on this machine: measured, and beside PyTorch where asked.

    python -m vdit.bench                                      # the demo's sizes
    python -m vdit.bench --peer torch --out bench.csv         # beside the same model, torch.compile
    python -m vdit.bench --sizes S B --attention full factorised --remat none dots full \\
        --latent 16,32,32,4 --batch 16 --dtype bfloat16
    python -m vdit.bench --goals --out goals.csv     # on a GPU: what is to be reached there
    python -m vdit.bench --data --videos DIR         # the input pipeline alone, and vdit.prepare

For each case: milliseconds of a step, clips/s, TFLOP/s and MFU of true FLOPs (recomputation not
counted), peak memory of a device, seconds of compilation, the share of the time in which the device
waited for data. Medians of nine rounds of about a second; with a peer the rounds take turns, and
the ratio is the median of the pairs: above 1, the peer takes longer. A case that does not fit into
memory is a row that says so.
"""

import argparse
import pathlib

from vdit import errors
from vdit.benchmark import cases, table
from vdit.config import model_flags
from vdit.config.activations import ITEM, REMATS
from vdit.config.model_config import VARIANTS
from vdit.config.sizes import SIZES
from vdit.errors import InputError
from vdit.runs import tables


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m vdit.bench",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    add = parser.add_argument
    add("--sizes", nargs="+", default=cases.DEMO_SIZES, metavar="SIZE", help=", ".join(SIZES))
    add("--attention", nargs="+", default=["full"], metavar="NAME", help=", ".join(VARIANTS))
    add("--remat", nargs="+", default=["none"], choices=REMATS, help=", ".join(REMATS))
    add("--batch", default=str(cases.DEMO_BATCH), help="clips of a step, on all devices together")
    add("--latent", default="3,8,8,8", help="T,H,W,C of a clip's latents")
    add("--patch", default="1,2,2", help="frames, height, width of a patch")
    add("--dtype", default="float32", choices=ITEM, help=", ".join(ITEM))
    add("--goals", action="store_true", help="DiT-XL/2, Latte-XL/2, full attention; on a GPU")
    add("--peer", choices=("torch",), help="the same model and step in PyTorch, in turns with ours")
    add("--data", action="store_true", help="what the pipeline brings against what a step eats")
    add("--videos", type=pathlib.Path, metavar="DIR", help="with --data: prepare beside decoding")
    add("--out", metavar="FILE", help="the table as CSV")
    return parser


def _asked(args: argparse.Namespace) -> list[cases.Case]:
    if args.goals:
        return cases.goals()
    return cases.grid(
        args.sizes,
        args.attention,
        args.remat,
        latent=model_flags.integers("latent", args.latent, 4, 1),
        patch=model_flags.integers("patch", args.patch, 3, 1),
        batch=model_flags.integers("batch", args.batch, 1, 1)[0],
        dtype=args.dtype,
    )


def main() -> None:
    """Measures case by case; the table grows on the screen, the file is written after each."""
    args = _parser().parse_args()
    if args.data:
        return _data(args)
    chosen, rows = _asked(args), []
    if not chosen:
        raise InputError("no case is left to measure")
    import jax

    from vdit.benchmark.measure import measured

    if args.goals and jax.default_backend() == "cpu":
        raise InputError("--goals: they are those of a GPU, and there is none here")
    for case in chosen:
        rows.append(measured(case, bool(args.peer)))
        print(table.line(rows[-1], first=len(rows) == 1), flush=True)
        if args.out:
            pathlib.Path(args.out).write_text(tables.as_csv(rows))
    if args.goals:
        print(table.goals(chosen, rows))


def _data(args: argparse.Namespace) -> None:
    if args.videos and not args.videos.is_dir():
        raise InputError(f"--videos {args.videos}: no such folder")
    from vdit.benchmark.data import measured

    rows = []
    for row in measured(args.videos):
        rows.append(row)
        print(table.data_line(row, first=len(rows) == 1), flush=True)
        if args.out:
            pathlib.Path(args.out).write_text(tables.as_csv(rows))


if __name__ == "__main__":
    errors.run(main)
