"""Which column plays a role, by its name: the results table's own first, then what others use."""

import re
from collections.abc import Iterable, Mapping

import pandas as pd

from analysis.table import schema, units
from vdit.errors import InputError

# Role: the columns that play it unless another is named, in order of preference.
ROLES = {
    "params": ("params",),
    "tokens": ("tokens",),
    "flops": ("flops",),
    "loss": ("loss_ema", "loss"),
    "group": ("trunk", "run_id"),  # branches of one trunk are not independent
    "budget": ("flops_budget",),
    "lr": ("lr",),
    "batch": ("batch",),
    "width": ("width",),
    "depth": ("depth",),
    "unique_tokens": ("unique_tokens",),
    # Never by default: the error over a validation set that all runs share is common to them.
    "loss_se": (),
    "metric": (),
}
# Names elsewhere, without case, units and signs: "val/loss" and "Val Loss" are val_loss.
SYNONYMS = {
    "params": "params n_params num_params parameters n_parameters num_parameters param_count "
    "parameter_count model_size model_params non_embedding_params total_params",
    "tokens": "tokens n_tokens num_tokens train_tokens training_tokens tokens_seen total_tokens "
    "tokens_trained num_train_tokens consumed_tokens dataset_size",
    "flops": "flops flop compute train_flops training_flops training_flop total_flops "
    "train_compute training_compute num_flops",
    "loss": "final_loss val_loss valid_loss validation_loss eval_loss test_loss loss loss_val "
    "loss_eval final_val_loss final_train_loss train_loss training_loss loss_train",
    "group": "run_id run run_name wandb_run_id experiment_id trial_id trial",
    "budget": "flops_budget budget compute_budget flop_budget isoflop isoflops target_flops",
    "lr": "lr learning_rate peak_lr max_lr peak_learning_rate max_learning_rate",
    "batch": "batch batch_size global_batch_size bs batch_tokens batch_size_tokens "
    "tokens_per_batch tokens_per_step",
    "width": "width d_model hidden_size hidden_dim n_embd embed_dim",
    "depth": "depth n_layers num_layers n_layer num_hidden_layers layers",
    "unique_tokens": "unique_tokens distinct_tokens",
}
LETTERS = {"params": "N", "tokens": "D", "flops": "C", "loss": "L"}  # of the papers
COUNTED = ("params", "tokens", "flops", "budget", "batch", "unique_tokens")  # may have a unit
MEASURED = ("loss", "metric")  # may be in percent
ELSE = re.compile(r"(?i)(?:val|valid|validation|eval|test)\w*[/.]")  # tokens of an evaluation, say
PREFIX = re.compile(r"(?:config|summary|hparams|args)_")
INDEX = ("", "index", "id", "level_0", "unnamed_0")  # a table's row numbers, written as a column
STATES = ("status", "state", "job_state", "run_state", "job_status", "run_status", "trial_status")


def plain(name: str) -> str:
    """A name without case, signs and the prefixes of trackers: "config/valLoss" is val_loss."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(name))
    words = re.sub(r"[^a-z0-9]+", "_", apart.lower()).strip("_")
    return PREFIX.sub("", words)


def is_identifier(name: str) -> bool:
    """True where a column names things, so that its digits are no number."""
    return name in schema.IDENTIFIERS or plain(name).endswith("_id")


def guess(role: str, columns: Iterable[str]) -> list[str]:
    """The columns that may play `role` by a synonym of its name, the likeliest first."""
    stems = {c: stem(role, c)[0] for c in map(str, columns)}
    known = SYNONYMS.get(role, "").split()
    found = [c for word in known for c, name in stems.items() if plain(name) == word]
    found += [c for c, name in stems.items() if name == LETTERS.get(role)]
    if role in MEASURED or found:  # a loss of training is none of validation
        return found
    ends = {c: plain(re.split(r"[/.]", name)[-1]) for c, name in stems.items()}
    return [c for word in known for c, end in ends.items() if end == word and not ELSE.match(c)]


def stem(role: str, column: str) -> tuple[str, float]:
    """(name without its unit, the unit's factor) of a column, as `role` has units."""
    if role in MEASURED:
        return units.of_measure(column)
    return units.of_header(column) if role in COUNTED else (column, 1.0)


def find(
    table: pd.DataFrame, given: Mapping[str, str | None], name: str = "table"
) -> tuple[dict[str, str], dict[str, str]]:
    """({role: column} named or of the results table's own, {role: column} guessed by synonyms).

    The run of a row is not guessed: its column must have one size for each run (`runs`). Raises
    InputError for a column that was named and is not there.
    """
    columns, guessed = {}, {}
    for role in ROLES:
        column = _known(table, role, given.get(role), name)
        if column is not None:
            columns[role] = column
    taken = [c for role, c in columns.items() if role != "budget"]  # it may be the FLOPs spent
    free = [column for column in table.columns if column not in taken]
    for role in ROLES:
        likely = guess(role, free) if role not in (*columns, "group") else []
        column = next((c for c in likely if units.holds_numbers(table[c], name)), None)
        if column is not None:
            guessed[role] = column
    return columns, guessed


def _known(table, role, column, name):
    if column is None:
        there = (c for c in ROLES[role] if c in table.columns and table[c].notna().any())
        return next(there, None)
    if column.strip() not in table.columns:
        raise InputError(missing(name, role, column, table))
    return column.strip()


def told(guessed: Mapping[str, str]) -> list[str]:
    """A note on the columns that were guessed, if any."""
    if not guessed:
        return []
    words = ", ".join(f"{role} is {column!r}" for role, column in guessed.items())
    return [f"columns by their names: {words} (--{next(iter(guessed))} COL and so on name others)"]


def missing(name: str, role: str, column: str, table: pd.DataFrame) -> str:
    """The line on a column that is not there."""
    there = ", ".join(map(str, list(table.columns)[:12])) + (", ..." * (len(table.columns) > 12))
    more = "; the FLOPs where runs of a budget spent the same" if role == "budget" else ""
    ask = f"(name another with --{role} COL{more})"
    return f"{name}: missing column {column!r} {ask}; it has: {there}"
