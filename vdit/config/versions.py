"""Formats of run folders, and the one table of what has changed between them. No JAX here.

`config.json`, a plan's configs and `generator.json` carry the format they were written in. To
change it: raise FORMAT, and add to CHANGES how a config of the format before is written today.
"""

import copy
from collections.abc import Callable, Collection, Mapping
from typing import Any

from vdit.errors import InputError

FORMAT = 3
UNMARKED = 1  # of all that was written before formats had numbers

EVALUATORS = {"losses": {}, "worlds": {}, "continuation": {}}  # of runs that named none
# Keys that a config of format 1 may lack, and what it did then. An autoencoder's has no model, and
# lacks none of the second table.
LACKED = {
    "data.epochs": 0,
    "checkpoint_every_s": 0.0,
    "verify": True,
    "optimizer.parameterization": "sp",
    "optimizer.base_width": 64,
}
LACKED_BY_DIFFUSION = {
    "init": "",
    "checkpoint_at": (),
    "trunk": {"run": "", "step": 0},
    "evaluators": EVALUATORS,
    "evaluate_every": 0,
    "model.positions": "rotary",
    "model.qk_norm": True,
    "model.caption_by": "cross",
    "model.given": 0.0,
    "sampling.interval": (),
    "sampling.rescale": 0.0,
    "ddpm": {
        "schedule": "linear",
        "predicts": "epsilon",
        "learned_variance": False,
        "timesteps": 1000,
    },
    "edm": {"loc": -1.2, "scale": 1.2, "data": 1.0, "low": 0.002, "high": 80.0, "rho": 7.0},
}
# Parts of the names of arrays in checkpoints from before attention had variants, and today: there
# was one stack of blocks, with one attention each, and gradients were clipped apart from AdamW.
BEFORE_VARIANTS = "params/blocks/modulation/kernel"
RENAMED = (
    ("optimizer/1/0/", "optimizer/0/1/"),
    ("/blocks/attention/", "/blocks/attentions/0/"),
    ("/blocks/", "/stages/0/blocks/0/"),
)


def upgraded(config: Mapping[str, Any], where: Any) -> dict[str, Any]:
    """A config that was read at `where`, as today's code would have written it.

    Raises `InputError` for a format that this code cannot read.
    """
    found, made = format_of(config, where), copy.deepcopy(dict(config))
    for number in range(found, FORMAT):
        CHANGES[number](made)
    return made | {"format": FORMAT}


def format_of(written: Mapping[str, Any], where: Any) -> int:
    """The format of what was read at `where`; `InputError` for one that this code cannot read."""
    found = written.get("format", UNMARKED)
    if found not in KNOWN:
        raise InputError(
            f"{where}: format {found}; this code reads {min(CHANGES)} to {FORMAT}: expected "
            f"{'newer' if isinstance(found, int) and found > FORMAT else 'other'} code"
        )
    return found


def stored_names(stored: Collection[str]) -> dict[str, str]:
    """The name that an array has today: the one that it has in a checkpoint of those `stored`.

    A flattened optimizer of before is left out: its vector has the weights in another order.
    """
    if BEFORE_VARIANTS not in stored:
        return {name: name for name in stored}
    optimizer = {name for name in stored if name.startswith("optimizer/")}
    flattened = not any("/blocks/" in name for name in optimizer)
    found = {}
    for name in set(stored) - (optimizer if flattened else set()):
        today = name
        for before, after in RENAMED:
            today = today.replace(before, after)
        found[today] = name
    return found


def _from_1(config: dict[str, Any]) -> None:
    if isinstance(config.get("sweep"), str):
        config["sweep"] = {"name": config["sweep"], "branch": False}
    lacked = LACKED | (LACKED_BY_DIFFUSION if "model" in config else {})
    for key, value in lacked.items():
        *group, name = key.split(".")
        place = config.get(group[0]) if group else config
        if isinstance(place, dict):
            place.setdefault(name, copy.deepcopy(value))


def _from_2(config: dict[str, Any]) -> None:
    """Runs computed in what they were asked to, which was float32 unless said otherwise."""
    if "model" in config:
        config.setdefault("compute_dtype", config["model"].get("dtype", "float32"))


CHANGES: dict[int, Callable[[dict[str, Any]], None]] = {1: _from_1, 2: _from_2}
KNOWN = (*CHANGES, FORMAT)
