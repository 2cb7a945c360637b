"""What the numbers of a config may be, checked when it is resolved. No JAX here.

Numbers become of one kind, too: 1 and 1.0 are one learning rate, and name one run.
"""

import functools
import math
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from vdit.errors import InputError


class Range(NamedTuple):
    """Numbers of a kind from `low` (or `above` it) to `high` (or `below` it).

    `counts`: how many there may be, of a key that holds a tuple; () for any number of them.
    """

    kind: type
    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    below: bool = False
    counts: tuple[int, ...] | None = None

    def __str__(self) -> str:
        noun = "whole number" if self.kind is int else "number"
        ends = [f"{'above' if self.above else 'from'} {self.low:g}"] * (self.low > -math.inf)
        ends += [f"{'below' if self.below else 'to'} {self.high:g}"] * (self.high < math.inf)
        if self.counts is None:
            return " ".join([f"a {noun}", *ends])
        return " ".join([" or ".join(map(str, self.counts)), f"{noun}s", *ends]).strip()

    def has(self, x: float) -> bool:
        """Whether a number, of any kind, lies in it."""
        is_low = x < self.low or (self.above and x == self.low)
        is_high = x > self.high or (self.below and x == self.high)
        return math.isfinite(x) and not (is_low or is_high)


def whole(low: float, high: float = math.inf, **more: Any) -> Range:
    """Whole numbers."""
    return Range(int, low, high, **more)


def real(low: float = -math.inf, high: float = math.inf, **more: Any) -> Range:
    """Finite numbers."""
    return Range(float, low, high, **more)


POSITIVE = real(0, above=True)
SHARE = real(0, 1)

RANGES = {
    "seed": whole(0),
    "steps": whole(1),
    "batch": whole(1),
    "accumulate": whole(1),
    "flops_budget": real(0),
    "log_every": whole(0),
    "sample_every": whole(0),
    "checkpoint_every": whole(0),
    "checkpoint_every_s": real(0),
    "checkpoint_at": whole(1, counts=()),
    "evaluate_every": whole(0),
    "keep": whole(1),
    "trunk.step": whole(0),
    "data.num_frames": whole(1),
    "data.height": whole(1),
    "data.width": whole(1),
    "data.seed": whole(0),
    "data.train_clips": whole(0),  # 0: all there are, of a folder
    "data.epochs": whole(0),
    "data.image_share": real(0, 1, below=True),
    "data.validation_clips": whole(0),
    "data.text_length": whole(1),
    "data.words": whole(1),
    "data.world.max_objects": whole(1),
    "data.world.gravity": SHARE,
    "data.world.occluder": SHARE,
    "data.world.labelled": SHARE,
    "autoencoder.space": whole(1),
    "autoencoder.time": whole(1),
    "autoencoder.channels": whole(1),
    "autoencoder.width": whole(1),
    "autoencoder.depth": whole(1),
    "autoencoder.kl_weight": real(0),
    "model.width": whole(0),  # 0, as the next two: those of `model.size`
    "model.depth": whole(0),
    "model.heads": whole(0),
    "model.mlp_ratio": POSITIVE,
    "model.frequencies": whole(2),
    "model.max_period": real(1, above=True),
    "model.patch": whole(1, counts=(3,)),
    "model.drop_caption": SHARE,
    "model.given": SHARE,
    "flow.loc": real(),
    "flow.scale": POSITIVE,
    "flow.shift": POSITIVE,
    "flow.shift_tokens": whole(0),
    "ddpm.timesteps": whole(2),
    "edm.loc": real(),
    "edm.scale": POSITIVE,
    "edm.data": POSITIVE,
    "edm.low": POSITIVE,
    "edm.high": POSITIVE,
    "edm.rho": POSITIVE,
    "optimizer.lr": POSITIVE,
    "optimizer.base_width": whole(1),
    "optimizer.warmup": SHARE,
    "optimizer.decay": SHARE,
    "optimizer.final": SHARE,
    "optimizer.weight_decay": real(0),
    "optimizer.b1": real(0, 1, below=True),
    "optimizer.b2": real(0, 1, below=True),
    "optimizer.clip": POSITIVE,
    "optimizer.ema_halflife": real(0),
    "mesh.data": whole(-1),
    "mesh.fsdp": whole(-1),
    "mesh.tensor": whole(-1),
    "mesh.context": whole(-1),
    "sampling.steps": whole(1),
    "sampling.guidance": real(0),
    "sampling.interval": real(0, counts=(0, 2)),
    "sampling.rescale": SHARE,
    "sampling.count": whole(1),
    "validation.triples": whole(10),  # one for each tenth of the timesteps
    "validation.seed": whole(0),
    "evaluation.clips": whole(0),
    "evaluation.seed": whole(0),
}


# The same by group: a config's are looked up once, for a sweep has thousands of configs.
_GROUPS: dict[str, list[str]] = {}
for _key in RANGES:
    _GROUPS.setdefault(_key.rpartition(".")[0], []).append(_key.rpartition(".")[2])


def fit(config: ConfigDict) -> None:
    """Makes a config's numbers of the kinds above; `InputError` names one out of its range."""
    for group, names in _GROUPS.items():
        path = group.split(".") if group else []
        place = functools.reduce(lambda node, name: node.get(name) or {}, path, config)
        for name in names:
            if name in place:
                _fit(place, name, f"{group}.{name}" if group else name)


def _fit(place: ConfigDict, name: str, key: str) -> None:
    value, allowed = place[name], RANGES[key]
    if type(value) is allowed.kind and allowed.counts is None and allowed.has(value):
        return
    fitted = _fitted(key, value)
    if repr(fitted) != repr(value):  # 1 and 1.0 are equal
        del place[name]  # a ConfigDict holds on to the kind that it had
        place[name] = fitted


def _fitted(key: str, value: Any) -> Any:
    allowed = RANGES[key]
    many = isinstance(value, tuple | list)
    found = [_number(x, allowed) for x in (value if many else [value])]
    counts = allowed.counts
    if many != (counts is not None) or None in found or (counts and len(found) not in counts):
        raise InputError(f"{key}={value!r}: expected {allowed}")
    return tuple(found) if many else found[0]


def _number(x: Any, allowed: Range) -> float | int | None:
    """x as a number of the range; None where it is none."""
    if isinstance(x, bool | str) or not hasattr(x, "__float__") or not allowed.has(x):
        return None
    return allowed.kind(x) if allowed.kind is float or x == int(x) else None
