"""What diffusers' DiT and its pipeline have a place for, key by key of a run's config."""

import math
from collections.abc import Iterator
from typing import NamedTuple

from vdit.config.model_config import ModelConfig
from vdit.errors import InputError
from vdit.generator import Generator

CLASSES = 1000  # its pipeline takes the label of this number for none
FREQUENCIES = 256  # half of them are cosines; the last one's period is 10,000
MAX_PERIOD = 10_000 ** (FREQUENCIES // 2 / (FREQUENCIES // 2 - 1))
NEAR = 1e-6  # of numbers that a command line gives


class Need(NamedTuple):
    """A key of a run's config, what it is, and what it has to be."""

    key: str
    found: object
    expected: object

    @property
    def is_met(self) -> bool:
        if isinstance(self.expected, float):
            return math.isclose(self.found, self.expected, rel_tol=NEAR)
        return self.found == self.expected


def check(model: Generator) -> None:
    """Raises `InputError` naming the first key that diffusers has no place for."""
    for key, found, expected in (n for n in _needs(model) if not n.is_met):
        raise InputError(f"{key}={found!r}: expected {expected!r}, as diffusers' DiT has it")
    if (classes := model.config.vocabulary - 1) > CLASSES:
        raise InputError(f"{classes} labels: expected up to {CLASSES}, as diffusers' DiT has them")


def _needs(model: Generator) -> Iterator[Need]:
    settings, c = model.settings, model.config
    yield Need("objective", settings["objective"], "ddpm")
    yield Need("autoencoder.name", model.autoencoder.name, "kl")
    yield Need("data.num_frames", model.video[0], 1)
    yield Need("data.width", model.video[2], model.video[1])
    yield Need("model.attention", c.attention, "full")
    yield Need("model.condition", c.condition, "label")
    yield from _of_both(c)
    yield Need("model.max_period", c.max_period, MAX_PERIOD)


def _of_both(c: ModelConfig) -> Iterator[Need]:
    """Of DiT and Latte alike."""
    yield Need("model.positions", c.positions, "sincos")
    yield Need("model.qk_norm", c.qk_norm, False)
    yield Need("model.given", "above 0" if c.frame_timesteps else 0, 0)
    yield Need("model.patch", c.patch, (1, c.patch[1], c.patch[1]))
    yield Need("model.frequencies", c.frequencies, FREQUENCIES)
    yield Need("model.mlp_ratio", c.mlp_ratio, 4.0)
