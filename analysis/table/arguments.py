"""The flags that say what the columns of a table hold and which rows count, of every command."""

import argparse
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

TABLE = "table of runs, anybody's (CSV, TSV, JSONL or parquet)"
ROLES = {
    "params": "model size N (default: params)",
    "tokens": "training tokens D (tokens; else C / 6N)",
    "flops": "training compute C (flops; else 6ND)",
    "loss": "loss (loss_ema where the table has it, else loss)",
    "group": "the run of a row: rows of one run are resampled together (trunk, or run_id)",
    "budget": "compute budget of an isoFLOP curve (flops_budget); within 2 %% they are one",
    "loss_se": "measured noise of each loss: rows weigh by it (none)",
    "width": "model width (width)",
    "depth": "model depth (depth)",
    "unique_tokens": "distinct tokens, for repeated data (unique_tokens)",
    "lr": "learning rate (lr)",
    "batch": "batch size (batch)",
    "metric": "quality metric that --law metric predicts from loss (none)",
}


REASONS = ("spiked", "unannealed", "duplicate")  # to leave rows out for, on request


def add(
    parser: argparse.ArgumentParser,
    roles: Sequence[str] = tuple(ROLES),
    reasons: Sequence[str] = REASONS,
) -> None:
    """Add a flag for the column of each role, for the direction of what is fitted, and for the rows
    that are used."""
    columns = parser.add_argument_group(
        "columns of the table, by what they hold",
        "Without a flag a column is found by its name, such as N, n_params or Params (M); units of "
        "headers and cells such as 1.2B are read; what was guessed is printed.",
    )
    for role in roles:
        spelled = ("--params", "--size") if role == "params" else (f"--{role}",)
        columns.add_argument(*spelled, metavar="COL", help=ROLES[role])
    columns.add_argument(
        "--higher_is_better",
        action=argparse.BooleanOptionalAction,
        help="of the metric where one is named, else of the loss: of a share, 1 - loss is fitted",
    )
    parser.add_argument("--where", metavar="EXPR", help='rows to use, such as "flops < 1e12"')
    parser.add_argument(
        "--drop",
        action="append",
        default=[],
        choices=reasons,
        help="leave out what is kept and flagged else, or refused (duplicate); may be repeated",
    )


def given(args: argparse.Namespace) -> dict[str, str | None]:
    """{role: the column that was named, or None} of parsed arguments."""
    return {role: getattr(args, role) for role in ROLES if role in args}


def choice(args: argparse.Namespace) -> dict[str, Any]:
    """What chooses the rows, as `analysis.fitting.rows.prepare` takes it."""
    return {"where": args.where, "drop": args.drop, "higher_is_better": args.higher_is_better}


def asked(columns: Mapping[str, str]) -> str:
    """The flags, each behind a blank, that name `columns` {role: column} but for the usual ones."""
    from analysis.table import names

    foreign = {role: c for role, c in columns.items() if c not in names.ROLES[role]}
    return "".join(f" --{role} {shlex.quote(column)}" for role, column in foreign.items())
