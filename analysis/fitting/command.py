"""The command line of `analysis.fit`, which nothing imports: see there."""

import argparse
import sys

from analysis import laws
from vdit.runs.files import write_json

LAWS = (*laws.names(), "all")
OBJECTIVES = ("huber", "lad", "log_mse", "mse")
ROLES = {
    "params": "model size N (default: params)",
    "tokens": "training tokens D (tokens; else C / 6N)",
    "flops": "training compute C (flops; else 6ND)",
    "loss": "loss (loss_ema where the table has it, else loss)",
    "group": "the run of a checkpoint: resampled together (trunk, or run_id)",
    "budget": "compute budget of an isoFLOP curve (flops_budget)",
    "loss_se": "measured noise of each loss: rows weigh by it (none)",
    "width": "model width (width)",
    "depth": "model depth (depth)",
    "unique_tokens": "distinct tokens, for repeated data (unique_tokens)",
    "lr": "learning rate (lr)",
    "batch": "batch size (batch)",
    "metric": "quality metric that --law metric predicts from loss (none)",
}


def main(argv: list[str] | None = None) -> None:
    """Fit scaling laws to a table of runs; reads that table and nothing else."""
    args = parser().parse_args(argv)
    from analysis.fitting import summary
    from analysis.fitting.table import fit_table
    from analysis.table import schema

    fit = fit_table(
        schema.load(args.table),
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
        name=args.table,
        **{role: getattr(args, role) for role in ROLES},
    )
    write_json(args.out, fit)
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
    flags.add_argument("table", help="table of runs (CSV or parquet)")
    flags.add_argument("--law", default="frontier", choices=LAWS, help="default: frontier")
    flags.add_argument("--objective", default="huber", choices=OBJECTIVES, help="default: huber")
    flags.add_argument("--delta", type=float, default=1e-3, help="of Huber's loss (1e-3)")
    columns = flags.add_argument_group("columns of the table, by what they hold")
    for role, words in ROLES.items():
        names = ("--params", "--size") if role == "params" else (f"--{role}",)
        columns.add_argument(*names, metavar="COL", help=words)
    rows = flags.add_argument_group("rows of the table")
    rows.add_argument("--where", metavar="EXPR", help='rows to use, such as "flops < 1e12"')
    rows.add_argument("--hold_out", metavar="EXPR", help="rows to predict instead of fit")
    rows.add_argument("--unannealed", action="store_true", help="let unfinished schedules in")
    rows.add_argument("--worst", type=float, metavar="LOSS", help="loss of predicting nothing")
    rows.add_argument(
        "--drop",
        action="append",
        default=[],
        choices=("unstable", "spiked", "duplicate"),
        help="leave out",
    )
    flags.add_argument("--bootstrap", type=int, default=4000, help="resamples; 0 for none (4000)")
    flags.add_argument("--seed", type=int, default=0, help="of the resamples (0)")
    flags.add_argument("--out", default="fit.json", help="JSON to write (fit.json)")
    return flags
