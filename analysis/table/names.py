"""Which column plays a role, by its name: the results table's own first, then what others use."""

import re
from collections.abc import Iterable

from analysis.table import schema, units

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
    "batch": "batch batch_size global_batch_size",
    "width": "width d_model hidden_size hidden_dim n_embd embed_dim",
    "depth": "depth n_layers num_layers n_layer num_hidden_layers layers",
    "unique_tokens": "unique_tokens distinct_tokens",
}
LETTERS = {"params": "N", "tokens": "D", "flops": "C", "loss": "L"}  # of the papers
COUNTED = ("params", "tokens", "flops", "budget", "batch", "unique_tokens")  # may have a unit
PREFIX = re.compile(r"(?:config|summary|hparams|args)_")
INDEX = ("", "index", "id", "level_0", "unnamed_0")  # a table's row numbers, written as a column
STATES = ("status", "state", "job_state", "run_state", "job_status", "run_status", "trial_status")
RUNS = SYNONYMS["group"].split()


def plain(name: str) -> str:
    """A name without case, signs and the prefixes of trackers: "config/valLoss" is val_loss."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(name))
    words = re.sub(r"[^a-z0-9]+", "_", apart.lower()).strip("_")
    return PREFIX.sub("", words)


def is_identifier(name: str) -> bool:
    """True where a column names things, so that its digits are no number."""
    return name in schema.IDENTIFIERS or plain(name) in RUNS


def guess(role: str, columns: Iterable[str]) -> list[str]:
    """The columns that may play `role` by a synonym of its name, the likeliest first."""
    stems = {c: units.of_header(c)[0] if role in COUNTED else c for c in map(str, columns)}
    known = SYNONYMS.get(role, "").split()
    found = [c for word in known for c, stem in stems.items() if plain(stem) == word]
    return found + [c for c, stem in stems.items() if stem == LETTERS.get(role)]
