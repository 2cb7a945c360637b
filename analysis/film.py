"""What compute bought, to look at: one caption and one noise by the best runs of some budgets.

python -m analysis.film results.csv --root runs/long --times 1 32 1024 --caption 2 --png film.png

A row of frames for each budget, a multiple of the smallest, by the run of lowest loss; the last row
is the real clip of that caption.
"""

import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.table import arguments
from vdit import errors
from vdit.errors import InputError
from vdit.runs.files import write_bytes

if TYPE_CHECKING:  # slow to import, and --help needs none
    import numpy as np
    import pandas as pd


def strips(
    table: "pd.DataFrame", root: pathlib.Path, times: Sequence[float], caption: int
) -> "tuple[str, dict[str, np.ndarray]]":
    """The caption, and videos uint8 (T, H, W, 3) by name; `InputError` for what isn't there."""
    from analysis.page import videos

    table = table[table["flops_budget"] > 0]  # a trunk has no budget of its own
    smallest, shown = table["flops_budget"].min(), {}
    for factor in times:
        run = _best(table, factor * smallest, factor)
        folder = videos.samples_folder(root, run)
        if folder is None:
            raise InputError(f"{root}: run {run}, the best of {factor:g}x, has no samples there")
        shown[f"{factor:g}×"] = _frames(folder, "final", caption)
    shown["a real clip"] = _frames(folder, "real", caption)
    texts = videos.captions(folder)
    return texts[caption] if caption < len(texts) else "", shown


def _best(table, flops, factor):
    from analysis.frontier.prediction import same_budget

    found = same_budget(flops, sorted(set(table["flops_budget"])))
    if found is None:
        raise InputError(f"--times {factor:g}: no budget of the table is {flops:.4g} FLOPs")
    rows = table[table["flops_budget"] == found]
    loss = "loss_ema" if "loss_ema" in rows else "loss"
    return str(rows.loc[rows[loss].idxmin(), "run_id"])


def _frames(folder, name, caption):
    from analysis.figures.animation import frames_of

    path = folder / f"{name}_{caption:02d}.webp"
    if not path.is_file():
        there = len(list(folder.glob(f"{name}_*.webp")))
        raise InputError(f"--caption {caption}: {folder} has {there} samples, counted from 0")
    return frames_of(path)


def main(argv: list[str] | None = None) -> None:
    """Command line of `analysis.film`."""
    parser = errors.parser("analysis.film", __doc__)
    parser.add_argument("table", help=arguments.TABLE)
    parser.add_argument("--root", required=True, help="the sweep's root, for the videos")
    parser.add_argument(
        "--times", type=float, nargs="+", required=True, help="budgets, in multiples of the least"
    )
    parser.add_argument("--caption", type=int, default=0, help="which of the samples (0)")
    parser.add_argument("--png", required=True, help="picture to write")
    args = parser.parse_args(argv)
    from analysis.figures import film, style
    from analysis.table import reading

    table = reading.load(args.table)
    if "flops_budget" not in table or not (table["flops_budget"] > 0).any():
        raise InputError(f"{args.table}: expected runs with a flops_budget above 0")
    caption, shown = strips(table, pathlib.Path(args.root), args.times, args.caption)
    write_bytes(args.png, style.png(film.film(caption, shown, style.LIGHT), style.LIGHT))
    print(f"{caption}: written to {args.png}")


if __name__ == "__main__":
    errors.run(main)
