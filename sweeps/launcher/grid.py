"""The arithmetic of a sweep: how long a cell trains, what is set where."""

import ast
import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from vdit.errors import InputError

MINIMUM_STEPS = 100


def steps_for(budget: float, flops_per_clip: float, batch: int, size: str = "") -> int:
    """Steps that spend `budget` FLOPs in batches of `batch` clips, to the nearest step.

    Under 100 steps warm-up and decay are all there is, and the loss says nothing of the size:
    such a cell is an `InputError` that names the size, the budget and the least budget.
    """
    steps = round(budget / (flops_per_clip * batch))
    if steps < MINIMUM_STEPS:
        least = MINIMUM_STEPS * flops_per_clip * batch
        raise InputError(
            f"size {size}: a budget of {budget:.3g} FLOPs is {steps} steps of batch {batch}; "
            f"at least {MINIMUM_STEPS} steps are needed, that is {least:.3g} FLOPs"
        )
    return steps


def with_overrides(config: Any, overrides: Mapping[str, Any]) -> Any:
    """A copy of the ConfigDict with dotted keys set; an unknown key or a wrong type is refused."""
    changed = config.copy_and_resolve_references()
    for key, value in overrides.items():
        _check_key(config, key)
        try:
            changed.update_from_flattened_dict({key: value})
        except TypeError as error:
            raise InputError(f"config key {key}: {value!r} has the wrong type ({error})") from error
    return changed


def parse_settings(settings: Iterable[str]) -> dict[str, Any]:
    """{"a.b": 1} from ["a.b=1"]; a value that is no Python literal is a string."""
    parsed = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise InputError(f"--set {setting}: expected key=value")
        if key in parsed:
            raise InputError(f"--set {key} is given twice")
        try:
            parsed[key] = ast.literal_eval(text)
        except (SyntaxError, ValueError):
            parsed[key] = text
    return parsed


def _check_key(config: Any, key: str) -> None:
    node = config
    for name in key.split("."):
        if not hasattr(node, "keys") or name not in node:
            near = difflib.get_close_matches(key, _dotted_keys(config), n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise InputError(f"unknown config key {key}{hint}")
        node = node[name]


def _dotted_keys(config: Any, prefix: str = "") -> list[str]:
    keys = []
    for name, value in config.items():
        keys.append(prefix + name)
        if hasattr(value, "keys"):
            keys += _dotted_keys(value, f"{prefix}{name}.")
    return keys
