"""The identity of a run: a hash of everything in its config that changes its numbers."""

import functools
import hashlib
import json
import sys
from collections.abc import Mapping
from typing import Any

from vdit.errors import InputError

LENGTH = 12
ABSENT = "absent"

# Keys that name, locate, watch, measure or spread a run and leave its numbers alone. A run that
# differs in these only is the same run: it is found again, skipped when finished, resumed when not.
# - `mesh`, `model.remat` and `model.unroll` change the order of float sums, no more (1e-5 relative
#   on the loss curve). A checkpoint may therefore go on on other devices, and a finished point is
#   not trained again because a second GPU came free. Their effect, speed, has its own columns.
# - `data.dir`, `data.images`, `data.captions`, `data.embeddings`, `autoencoder.dir` and `init` are
#   paths; `resolve` puts the fingerprints of what is there beside them, and those do count
#   (`data.fingerprint` is of clips, captions and their embeddings).
# - `evaluators`, `evaluation` and `evaluate_every` say what is measured, of which checkpoints:
#   a finished run can be measured anew. `validation` stays in, for it defines the loss that a run
#   reports; the evaluator "losses" takes options for other triples.
# - `checkpoint_every`, `checkpoint_every_s`, `keep` and `verify` are out, `checkpoint_at` stays in:
#   the checkpoints that branches leave from are part of what a trunk is.
# - `compute_dtype` is what `model.dtype` came to where the run was begun, which no launcher knows;
#   `differences` minds it where both sides know it.
# - `flops_budget` stays in, though it is but a label: fits group rows by it.
NOT_IDENTITY = (
    "autoencoder.dir",
    "cache",
    "checkpoint_every",
    "checkpoint_every_s",
    "compute_dtype",
    "data.captions",
    "data.dir",
    "data.embeddings",
    "data.images",
    "evaluate_every",
    "evaluation",
    "evaluators",
    "experiment",
    "format",
    "init",
    "keep",
    "log_every",
    "mesh",
    "model.remat",
    "model.unroll",
    "sample_every",
    "sweep",
    "verify",
    "wandb",
)
# Keys that came later than the fingerprints that are about, and the value at which they mean what
# was done before them: there they are left out, and no run that was finished is another.
LATER = {
    "data.epochs": 0,
    "data.image_share": 0.0,
    "data.tokenizer": "words",
    "ddpm.spacing": "even",
    "flow.shift_tokens": 0,
    "model.max_period": 10_000.0,
    "model.shape_condition": False,
}
RECORDED = "compute_dtype"  # no identity, but what is gone on with must agree in it


def fingerprint(config: Any) -> str:
    """Names a resolved config by 12 hex digits of the SHA-256 of its `identity` as canonical JSON.

    A config read back from config.json has the fingerprint of the config that was written.
    Raises `InputError` for a value that JSON cannot hold, NaN and infinity among them.
    """
    return digest(identity(config))


def digest(items: Mapping[str, Any]) -> str:
    """The same of what `identity` gives, or of a part of it."""
    try:
        text = json.dumps(items, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"config {_unwritable(items)} cannot be written as JSON") from error
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def identity(config: Any) -> dict[str, Any]:
    """Dotted key -> value for the keys that change numbers; tuples become lists, as in JSON."""
    flat = _flatten(config.to_dict() if hasattr(config, "to_dict") else config)
    return {
        key: value
        for key, value in flat.items()
        if not (value == LATER[key] if key in LATER else _is_no_identity(key))
    }


def differences(old: Any, new: Any) -> list[str]:
    """One line for each identity key whose value differs, e.g. "model.width: 64 -> 96".

    And for `compute_dtype`, where both configs have it.
    """
    before, after = identity(old), identity(new)
    if old.get(RECORDED) and new.get(RECORDED):
        before[RECORDED], after[RECORDED] = old[RECORDED], new[RECORDED]
    keys = sorted(before.keys() | after.keys())
    changed = [key for key in keys if before.get(key, ABSENT) != after.get(key, ABSENT)]
    return [f"{key}: {before.get(key, ABSENT)!r} -> {after.get(key, ABSENT)!r}" for key in changed]


def _unwritable(items: Mapping[str, Any]) -> str:
    """Names the first value that JSON cannot hold."""
    for key, value in items.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            return f"key {key}: {value!r}"
    return "keys"


@functools.cache
def _is_no_identity(key: str) -> bool:
    return f"{key}.".startswith(tuple(f"{key}." for key in NOT_IDENTITY))


def _flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat = {}
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = _plain(value)
    return flat


def _plain(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    numpy = sys.modules.get("numpy")  # who has not imported it has none of its numbers
    return value.item() if numpy and isinstance(value, numpy.generic) else value
