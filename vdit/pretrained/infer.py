"""What the shapes of weights tell about their model, under whatever names."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from vdit.errors import InputError

SHOWN = 12  # names in an error's line


class KeyNames(NamedTuple):
    """The names whose shapes tell a model's config; blocks are `blocks`.0, `blocks`.1 ..."""

    patches: str
    noise_level: str
    blocks: str
    hidden: str
    output: str


def common(weights: Mapping[str, np.ndarray], keys: KeyNames) -> dict[str, Any]:
    """Fields of every `ModelConfig`; `InputError` names the first that does not fit.

    Its latents are one patch large: what they measure is told by stored tables alone.
    """
    width, channels, patch, _ = axes(weights, keys.patches, 4)
    return {
        "latent": (1, patch, patch, channels),
        "patch": (1, patch, patch),
        "width": width,
        "depth": _depth(weights, keys.blocks),
        "mlp_ratio": axes(weights, keys.hidden, 2)[0] / width,
        "frequencies": axes(weights, keys.noise_level, 2)[1],
        "qk_norm": False,
        "learn_sigma": _learn_sigma(weights, keys.output, patch * patch * channels),
    }


def listed(names: Iterable[str]) -> str:
    """The names in order, cut where the line would be too long to read."""
    names = sorted(names)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def axes(weights: Mapping[str, np.ndarray], name: str, count: int) -> tuple[int, ...]:
    """The shape of a weight that must be there and have `count` axes."""
    if name not in weights:
        raise InputError(f"the state dict lacks {name}; it has {listed(weights) or 'no names'}")
    if weights[name].ndim != count:
        raise InputError(f"{name}: shape {weights[name].shape}: expected {count} axes")
    return weights[name].shape


def _depth(weights: Mapping[str, np.ndarray], blocks: str) -> int:
    rest = [n.removeprefix(f"{blocks}.") for n in weights if n.startswith(f"{blocks}.")]
    numbers = [name.split(".")[0] for name in rest]
    return 1 + max((int(n) for n in numbers if n.isdecimal()), default=-1)


def _learn_sigma(weights: Mapping[str, np.ndarray], output: str, numbers: int) -> bool:
    rows = axes(weights, output, 2)[0]
    if rows not in (numbers, 2 * numbers):
        raise InputError(
            f"{output}: {rows} rows: expected {numbers}, the numbers in a patch, "
            f"or {2 * numbers} with a learned variance"
        )
    return rows == 2 * numbers
