"""Do activations keep their scale as the width grows? The coordinate check of muP (2203.03466).

  python -m vdit.mup_check --out coordinate_check.csv

Trains a small model of each width, 64 to 1024, for a few steps of Adam at one learning rate,
standard and under muP (base width 64), and writes the root mean square of what every dense layer
then puts out. `python -m analysis.coordinates coordinate_check.csv` judges and draws the table.
"""

import argparse
import csv
import pathlib

from vdit import errors
from vdit.errors import InputError
from vdit.runs.files import whole_file

WIDTHS = (64, 128, 256, 512, 1024)
COLUMNS = ("parameterization", "width", "lr", "steps", "layer", "rms")


def main() -> int:
    """Trains, measures and writes the table."""
    args = _parser().parse_args()
    if args.steps < 0:
        raise InputError(f"--steps {args.steps}: expected 0 or more")
    from vdit.training import coordinate_check, mup

    rows = []
    for width in WIDTHS:
        for kind in mup.PARAMETERIZATIONS:
            seen = coordinate_check.measure(kind, width, args.lr, args.steps)
            rows += [(kind, width, args.lr, args.steps, layer, f"{rms:.5g}") for layer, rms in seen]
            print(f"{kind} width {width}: {len(seen)} layers", flush=True)
    with whole_file(args.out) as part, part.open("w", newline="") as out:
        csv.writer(out, lineterminator="\n").writerows([COLUMNS, *rows])
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vdit.mup_check", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=pathlib.Path, required=True, help="table to write (CSV)")
    parser.add_argument("--lr", type=float, default=2.0**-7, help="learning rate (2^-7)")
    parser.add_argument("--steps", type=int, default=8, help="steps of Adam (8)")
    return parser


if __name__ == "__main__":
    errors.run(main)
