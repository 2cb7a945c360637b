"""Fit planted sweeps and count how often 95 % intervals hold the truth.

python -m analysis.calibrate --out calibration.csv
python -m analysis.calibrate --grids --sweeps 400 --out grids.csv   of learning rate and batch
python -m analysis.calibrate --verdicts --sweeps 200 --out verdicts.csv   of the rule
python -m analysis.calibrate --flips --sweeps 20   verdicts turned by moving one run
python -m analysis.calibrate --kept kept.jsonl   what a stop leaves is gone on with, by equal code
python -m analysis.calibrate --kept kept.jsonl --sweeps 0   the table of what was done so far
python -m analysis.calibrate --published llama porian step_law   planted as published sweeps were
python -m analysis.calibrate --power --design flat   the most that any test could tell
python -m analysis.calibrate --windows --sweeps 20   forecasts with and without the smallest budget
python -m analysis.calibrate --prefixes results.csv  the same, of a table's later budgets
"""

import sys

from vdit import errors
from vdit.errors import InputError
from vdit.runs.files import write_text


def main(argv: list[str] | None = None) -> None:
    """Command line of `analysis.calibrate`."""
    args = _arguments(argv)
    _check(args)
    chosen = _chosen(args.design, args.grids)
    if args.flips:
        return _flips(chosen if args.design else chosen[:1], args)
    found = _rows(chosen, args)
    if args.out:
        write_text(args.out, found.to_csv(index=False))
        print(f"written to {args.out}")


def _check(args):
    if args.sweeps < (0 if args.kept else 1):
        raise InputError(f"--sweeps is {args.sweeps}, expected 1 or more (0 with --kept)")
    if args.kept and (args.published or args.power or args.windows or args.prefixes):
        raise InputError("--kept: for intervals, --grids, --verdicts and --flips only")


def _arguments(argv):
    parser = errors.parser("analysis.calibrate", __doc__)
    parser.add_argument("--sweeps", type=int, default=1000, help="of each design (1000)")
    parser.add_argument("--seed", type=int, default=0, help="of the planted noise (0)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--grids", action="store_true", help="of learning rate and batch instead")
    what.add_argument("--verdicts", action="store_true", help="what the rule says of sweeps")
    what.add_argument("--flips", action="store_true", help="move every run by half its noise")
    what.add_argument(
        "--published", nargs="+", metavar="NAME", help="exponents of llama, porian, step_law"
    )
    what.add_argument("--power", action="store_true", help="the most that any test could tell")
    what.add_argument(
        "--windows", action="store_true", help="forecasts with the smallest budget, without"
    )
    what.add_argument(
        "--prefixes", nargs="+", metavar="TABLE", help="the same, from tables' first budgets"
    )
    parser.add_argument("--design", action="append", metavar="NAME", help="only these designs")
    parser.add_argument("--kept", metavar="FILE", help="where sweeps are kept as they are done")
    parser.add_argument("--out", help="CSV to write")
    return parser.parse_args(argv)


def _rows(chosen, args):
    """What was asked for, as a table that has been printed."""
    import pandas as pd

    from analysis.calibration import power, published, table, verdicts, windows

    many = args.sweeps, args.seed
    ways = {
        "published": lambda: published.held(args.published, *many, _progress),
        "power": lambda: [bound for design in chosen for bound in power.bounds(design)],
        "verdicts": lambda: verdicts.run(*many, chosen, progress=_progress, kept=args.kept),
        "windows": lambda: windows.of_designs(*many, chosen, progress=_progress),
        "prefixes": lambda: windows.of_tables(args.prefixes),
    }
    for flag, way in ways.items():
        if getattr(args, flag):
            found = pd.DataFrame(way())
            if "warned" in found:
                found = found.astype({"warned": "Int64"})  # a count, or nothing
            print(found.to_string(index=False))
            return found
    covered = table.table(table.run(*many, chosen, progress=_progress, kept=args.kept))
    print("\n".join(table.lines(covered)))
    return pd.DataFrame(covered)


def _flips(chosen, args):
    from analysis.calibration import verdicts

    flips = verdicts.flips(args.sweeps, args.seed, chosen, progress=_progress, kept=args.kept)
    for name, turns in flips.items():
        turned, moves = sum(map(sum, turns)), sum(map(len, turns))
        print(
            f"{name}: {turned} of {moves} moves of {len(turns)} sweeps turn the verdict "
            f"({turned / max(moves, 1):.2%})"
        )


def _chosen(names, of_grids):
    from analysis.calibration import designs, grids

    every = grids.GRIDS if of_grids else designs.DESIGNS
    known = {design.name: design for design in every}
    for name in names or []:
        if name not in known:
            raise InputError(f"--design {name}: expected one of {', '.join(known)}")
    return tuple(known[name] for name in names) if names else every


def _progress(results, total):
    """Passes results on, with a bar where someone looks."""
    for done, result in enumerate(results, 1):
        if sys.stderr.isatty():
            print(f"\r{done / total:4.0%}", end="\n" if done == total else "", file=sys.stderr)
        yield result


if __name__ == "__main__":
    errors.run(main)
