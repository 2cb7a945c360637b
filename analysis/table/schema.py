"""The results table: its columns, their units, and what each may hold (one row per checkpoint)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vdit.errors import InputError

if TYPE_CHECKING:  # slow to import, and --help needs none
    import pandas as pd


@dataclass(frozen=True)
class Column:
    """One column: `holds` is text, flag, number, positive, nonnegative or share (0 to 1)."""

    name: str
    holds: str
    unit: str
    required: bool = False


COLUMNS = (
    #      name              holds          unit                                        required
    Column("run_id", "text", "fingerprint of the resolved config", True),
    Column("sweep", "text", ""),
    Column("experiment", "text", ""),
    Column("dataset", "text", ""),
    Column("autoencoder", "text", ""),
    Column("objective", "text", ""),
    Column("validation", "text", "fingerprint of the validation triples"),
    Column("fingerprint", "text", ""),
    Column("trunk", "text", "run whose first steps this one shares; itself without"),
    Column("commit", "text", ""),
    Column("seed", "nonnegative", ""),
    Column("size", "text", "name on the ladder"),
    Column("variant", "text", ""),
    Column("params", "positive", "weights without embeddings and output layer", True),
    Column("params_total", "positive", "weights"),
    Column("params_no_adaln", "positive", "weights"),
    Column("depth", "positive", "blocks"),
    Column("width", "positive", "features"),
    Column("tokens", "positive", "latent patches seen in training", True),
    Column("clips", "positive", "training examples seen"),
    Column("unique_clips", "positive", "distinct training examples"),
    Column("epochs", "positive", "passes over the training set"),
    Column("steps", "positive", "optimizer steps", True),
    Column("batch", "positive", "clips"),
    Column("lr", "positive", "peak learning rate"),
    Column("parameterization", "text", "sp or mup"),
    Column("lr_final", "nonnegative", "learning rate at the end"),
    Column("schedule", "text", ""),
    Column("annealed", "flag", "schedule ended at this checkpoint"),
    Column("flops", "positive", "true operations of training", True),
    Column("flops_shared", "nonnegative", "those of them that the trunk did"),
    Column("flops_budget", "nonnegative", "true operations asked for; 0 for none", True),
    Column("loss", "positive", "validation loss, raw weights", True),
    Column("loss_se", "nonnegative", "standard error over validation triples"),
    Column("loss_ema", "positive", "validation loss, averaged weights"),
    Column("loss_ema_se", "nonnegative", "standard error over validation triples"),
    Column("loss_pair_se", "nonnegative", "standard error of the loss difference to the best run"),
    Column("loss_train", "positive", "training loss at the end"),
    *(Column(f"loss_t{i:02d}", "nonnegative", f"loss for t in tenth {i}") for i in range(10)),
    *(Column(f"loss_ema_t{i:02d}", "nonnegative", f"loss for t in tenth {i}") for i in range(10)),
    Column("spikes", "nonnegative", "jumps of the logged training loss"),
    Column("step_s", "positive", "seconds"),
    Column("wall_s", "positive", "seconds"),
    Column("compile_s", "nonnegative", "seconds"),
    Column("mfu", "nonnegative", "share of the device's peak"),
    Column("data_wait", "share", "share of a step spent waiting for data"),
    Column("psnr", "number", "dB, of the autoencoder on held-out clips"),
    Column("validation_windows", "nonnegative", "windows held out, near-duplicates among them"),
    Column("near_duplicates", "nonnegative", "of these, nearly the same as training windows"),
    Column("near_duplicates_kept", "nonnegative", "of these, measured nevertheless"),
    Column("validation_still", "nonnegative", "windows held out that stand still, not compared"),
    Column("compute_dtype", "text", "what the model computes in"),
    Column("remat", "text", "what the backward pass computed again"),
    Column("device", "text", ""),
    Column("num_devices", "positive", ""),
    Column("jax_version", "text", ""),
    Column("started", "nonnegative", "unix seconds"),
    Column("finished", "nonnegative", "unix seconds"),
)
BY_NAME = {column.name: column for column in COLUMNS}
# Elsewhere a table may count its sizes in numbers under the name of our ladder's.
IDENTIFIERS = tuple(c.name for c in COLUMNS if c.holds == "text" and c.name != "size")
# Losses of rows that differ in one of these measure different things.
COMPARABLE = ("dataset", "autoencoder", "objective", "validation", "compute_dtype")
EXPECTED = {
    "number": "a finite number",
    "positive": "a number above 0",
    "nonnegative": "a number of at least 0",
    "share": "a number from 0 to 1",
    "flag": "True or False",
}


def validate(table: "pd.DataFrame", name: str = "table") -> "pd.DataFrame":
    """Return `table` if every known column holds what it must, else raise InputError."""
    required = [column.name for column in COLUMNS if column.required]
    if len(table) == 0:
        raise InputError(f"{name}: no rows")
    for column in required:
        if column not in table.columns:
            raise InputError(f"{name}: missing column {column!r}")
    for column in table.columns:
        if column in BY_NAME:
            _check_column(table, BY_NAME[column], column in required, name)
    if {"run_id", "steps"} <= set(table.columns):
        _check_unique(table, name)
    return table


def require_number(table: "pd.DataFrame", column: str, name: str = "table") -> None:
    """Raise InputError unless `column` is there and holds positive numbers."""
    if column not in table.columns:
        raise InputError(f"{name}: missing column {column!r}")
    _check_column(table, Column(column, "positive", ""), True, name)


def comparable(table: "pd.DataFrame", name: str = "table") -> None:
    """Raise InputError if losses in `table` were not measured on one and the same thing."""
    for column in COMPARABLE:
        values = sorted(table[column].dropna().unique()) if column in table.columns else []
        if len(values) > 1:
            found = ", ".join(map(str, values[:3]))
            raise InputError(
                f"{name}: rows of {len(values)} values of {column!r} ({found}) can't be fitted "
                "together; keep the rows of one"
            )


def row_name(table: "pd.DataFrame", at: int) -> str:
    """Row number `at` in words: as counted in the user's table from 1, with its run if known."""
    known = f" (run {table['run_id'].iloc[at]})" if "run_id" in table.columns else ""
    return f"row {table.index[at] + 1}{known}"


def _check_column(table, column, required, name):
    import numpy as np
    import pandas as pd

    blank = table[column.name].isna()
    bad = blank & required
    if column.holds == "flag":
        bad |= ~blank & ~table[column.name].isin([True, False, "True", "False"])
    elif column.holds != "text":
        numbers = pd.to_numeric(table[column.name], errors="coerce").astype(float)
        bad |= ~blank & ~np.isfinite(numbers)
        bad |= (column.holds == "positive") & (numbers <= 0)
        bad |= (column.holds in ("nonnegative", "share")) & (numbers < 0)
        bad |= (column.holds == "share") & (numbers > 1)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        expected = EXPECTED.get(column.holds, "a value")
        raise InputError(
            f"{name}: {row_name(table, row)}: {column.name} is "
            f"{table[column.name].iloc[row]}, expected {expected}"
        )


def _check_unique(table, name):
    import numpy as np

    twice = table.duplicated(["run_id", "steps"])
    if twice.any():
        row = int(np.flatnonzero(twice)[0])
        raise InputError(
            f"{name}: {row_name(table, row)}: run_id and steps as in an earlier row, "
            "expected one row per checkpoint"
        )
