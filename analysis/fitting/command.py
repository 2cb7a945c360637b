"""The command line of `analysis.fit`, which nothing imports: see there."""

import argparse
import sys

from analysis import laws
from analysis.engine import RESAMPLES
from analysis.table import arguments
from vdit.runs.files import write_json

LAWS = (*laws.names(), "all")
WHAT = (
    "frontier, power, bnsl: the best loss of compute; chinchilla, gamma, kaplan: loss of size and "
    "tokens; width_depth, width_depth_params: of shape; repeated: of epochs; annealing: of rates; "
    "noise_levels: by tenths of t; isoflop, envelope: best size; hyperparameters: learning rate "
    "and batch; metric, sigmoid, two_step: a score from the loss (frontier)"
)
UNSTABLE = "unstable"  # by a law that this command alone fits again without them
OBJECTIVES = ("huber", "lad", "log_mse", "mse")


def main(argv: list[str] | None = None) -> None:
    """Fit scaling laws to a table of runs; reads that table and nothing else."""
    args = parser().parse_args(argv)
    from analysis.fitting import summary
    from analysis.fitting.table import fit_table
    from analysis.table import reading

    guessed = []
    fit = fit_table(
        reading.load(args.table, guessed.append),
        args.law,
        objective=args.objective,
        delta=args.delta,
        where=args.where,
        hold_out=args.hold_out,
        bootstrap=args.bootstrap,
        seed=args.seed,
        unannealed=args.unannealed,
        worst=args.worst,
        drop=args.drop,
        higher_is_better=args.higher_is_better,
        notes=guessed,
        name=args.table,
        **arguments.given(args),
    )
    write_json(args.out, fit.to_json())
    for line in summary.warnings(fit):
        print(line, file=sys.stderr)
    print(summary.text(fit, args.law))
    print(f"written to {args.out}")


def parser() -> argparse.ArgumentParser:
    """The flags."""
    flags = argparse.ArgumentParser(
        prog="analysis.fit",
        description=main.__doc__,
        epilog="--where and --hold_out take pandas syntax: \"flops < 1e12 and size != 'S'\"; a "
        "name with spaces stands in backticks.",
    )
    flags.add_argument("table", help=arguments.TABLE)
    flags.add_argument("--law", default="frontier", choices=LAWS, help=WHAT)
    flags.add_argument(
        "--objective",
        choices=OBJECTIVES,
        help="of laws of runs (huber); laws through minima have their own, and the fit says so",
    )
    flags.add_argument("--delta", type=float, help="of Huber's loss alone (1e-3)")
    arguments.add(flags, reasons=(UNSTABLE, *arguments.REASONS))
    rows = flags.add_argument_group("rows of the table")
    rows.add_argument("--hold_out", metavar="EXPR", help="rows to predict instead of fit")
    rows.add_argument("--unannealed", action="store_true", help="let unfinished schedules in")
    rows.add_argument("--worst", type=float, metavar="LOSS", help="loss of predicting nothing")
    flags.add_argument(
        "--bootstrap",
        type=int,
        default=RESAMPLES,
        help=f"resamples; 0 for none ({RESAMPLES})",
    )
    flags.add_argument("--seed", type=int, default=0, help="of the resamples (0)")
    flags.add_argument("--out", default="fit.json", help="JSON to write (fit.json)")
    return flags
