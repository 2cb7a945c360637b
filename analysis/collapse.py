"""Do the loss curves of compute-optimal runs fall onto one? Those that do not are mistuned.

    python -m analysis.collapse runs/demo --png collapse.png
    python -m analysis.collapse curves.csv --floor 0.4

A sweep's root, whose run folders have metrics.jsonl, or a table of curves (run_id, steps, loss, and
flops_budget to take the best run of each). 2507.02119.
"""

import functools
import pathlib
import sys
from typing import TYPE_CHECKING

from vdit import errors
from vdit.errors import InputError
from vdit.runs.files import write_text

if TYPE_CHECKING:  # slow to import, and --help needs none
    from analysis.curves.collapse import Collapse


def main(argv: list[str] | None = None) -> None:
    """Command line of `analysis.collapse`."""
    args = _arguments(argv)
    tell = functools.partial(print, file=sys.stderr)
    from analysis.curves import collapse
    from analysis.table import query, writing

    curves = _read(args.curves, tell)
    if args.out:
        write_text(args.out, curves.to_csv(index=False))
    curves = curves[query.chosen(curves, args.where)] if args.where else collapse.chosen(curves)
    found = collapse.collapse(curves, args.floor, tell)
    print("\n".join(lines(found)))
    if args.png:
        from analysis.figures import style
        from analysis.figures.collapse import collapse as draw

        writing.png(args.png, draw(found, style.LIGHT, style.WIDE))


def _read(path, tell):
    """The curves below a sweep's root, or of a table."""
    from analysis.curves import collect
    from analysis.table import reading

    root = pathlib.Path(path).is_dir()
    curves = collect.collect(path, tell) if root else reading.load(path, tell)
    for name in ("run_id", "steps", "loss"):
        if name not in curves.columns:
            raise InputError(f"{path}: no column {name!r}, expected a table of curves")
    return curves


def lines(found: "Collapse") -> list[str]:
    """The deviation of each run in words."""
    said = [f"E {found.floor:.4g}; how far each curve lies from the median of the others:"]
    for run in found.runs:
        mark = "  mistuned?" if run.flagged else ""
        said.append(
            f"  {run.label:30s} {run.deviation:6.1%}  (noise of batches {run.noise:.1%}){mark}"
        )
    return said


def _arguments(argv):
    parser = errors.parser("analysis.collapse", __doc__)
    parser.add_argument("curves", help="root of a sweep, or a table of curves (CSV or parquet)")
    parser.add_argument("--where", help="runs to compare (the best of each compute budget)")
    parser.add_argument("--floor", type=float, help="E (the one at which curves agree best)")
    parser.add_argument("--out", help="also write the curves here, for --law annealing (CSV)")
    parser.add_argument("--png", help="also draw the curves here")
    return parser.parse_args(argv)


if __name__ == "__main__":
    errors.run(main)
