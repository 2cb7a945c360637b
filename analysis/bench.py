"""How fast the engine fits, beside scipy's L-BFGS-B loop: one table, one process, one run.

python -m analysis.bench
python -m analysis.bench runs.csv --params "Model Size" --flops "Training FLOP" --out speed.csv

Without a table, 240 synthetic runs stand in for Epoch AI's reading of Chinchilla's figure.
scipy's loops are timed on a sample of starts and scaled up to the whole job: "timed" says how many.
"""

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vdit import errors
from vdit.errors import InputError
from vdit.runs.files import write_text

if TYPE_CHECKING:
    from analysis.speed.measure import Row

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
COLUMNS = ("what", "how", "descents", "timed", "seconds", "ms_each", "at_optimum", "ratio")


def main(argv: list[str] | None = None) -> None:
    """Command line of `analysis.bench`."""
    args = _parser().parse_args(argv)
    # Set before NumPy loads: with five parameters BLAS threads wait for each other, scipy's most.
    for name in THREADS:
        os.environ.setdefault(name, "1")
    from analysis.speed import measure, usual

    for name, least in (("sample", 5), ("bootstraps", 20)):
        if getattr(args, name) < least:
            raise InputError(f"--{name} is {getattr(args, name)}, expected at least {least}")
    most = min(len(usual.grid()), args.bootstraps)
    if args.sample > most:
        raise InputError(f"--sample is {args.sample}, expected at most {most}")
    table = _table(args) if args.table else measure.synthetic()
    where = args.table or "synthetic table"
    print(f"{where}: {len(table['loss'])} runs, L = E + A N^-alpha + B D^-beta, Huber(1e-3)")
    rows = measure.race(table, args.sample, args.bootstraps)
    print(text(rows))
    if args.out:
        write_text(args.out, csv(rows))
        print(f"written to {args.out}")


def text(rows: "Sequence[Row]") -> str:
    """The table for people."""
    lines = [f"{'':30s} {'':35s} {'timed':>6s} {'seconds':>9s} {'each':>9s} {'optimum':>8s} ratio"]
    what = None
    for row in rows:
        name, what = row.what if row.what != what else "", row.what
        lines.append(
            f"{name:30s} {row.how:35s} {row.measured:6d} {row.seconds:7.2f} s "
            f"{1e3 * row.per_fit:6.2f} ms {row.reached:8.0%} {row.ratio:5.1f}"
        )
    lines.append("seconds: of the whole job, scaled up where fewer descents were timed;")
    lines.append("each: of one start; optimum: share of starts or of resamples that reach it")
    return "\n".join(lines)


def csv(rows: "Sequence[Row]") -> str:
    """The table as CSV."""
    lines = [",".join(COLUMNS)]
    for row in rows:
        lines.append(
            f'"{row.what}","{row.how}",{row.descents},{row.measured},{row.seconds:.4g},'
            f"{1e3 * row.per_fit:.4g},{row.reached:.4g},{row.ratio:.4g}"
        )
    return "\n".join(lines) + "\n"


def _parser():
    flags = argparse.ArgumentParser(
        prog="analysis.bench",
        description="\n\n".join(__doc__.split("\n\n")[::2]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    flags.add_argument("table", nargs="?", help="table of runs (CSV or parquet; synthetic)")
    for role in ("params", "tokens", "flops", "loss"):
        flags.add_argument(f"--{role}", metavar="COL", help=f"its column (default: {role})")
    flags.add_argument("--where", metavar="EXPR", help='rows to use, such as "loss < 4"')
    flags.add_argument("--sample", type=int, default=100, help="descents timed of scipy (100)")
    flags.add_argument("--bootstraps", type=int, default=1000, help="resamples (1000)")
    flags.add_argument("--out", metavar="CSV", help="file to write")
    return flags


def _table(args):
    from analysis.table import columns, query, reading

    table = reading.load(args.table)
    if args.where:
        table = table[query.chosen(table, args.where)]
    given = {role: getattr(args, role) for role in ("params", "tokens", "flops", "loss")}
    roles = columns.assign(table, args.table, **given)
    needed = ("params", "tokens", "loss")
    columns.require(roles, needed, args.table)
    return {role: columns.numbers(roles.table, role) for role in needed}


if __name__ == "__main__":
    errors.run(main)
