"""What diffusers' DiT, Latte and their pipelines have a place for, key by key of a config."""

import math
from collections.abc import Iterator
from typing import NamedTuple

from vdit.config.model_config import ModelConfig
from vdit.errors import InputError
from vdit.generator import Generator

CLASSES = 1000  # its pipeline takes the label of this number for none
FREQUENCIES = 256  # half of them are cosines; the last one's period is 10,000
SIDE = 128  # of latents, from which on diffusers' Latte has positions of smaller steps
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


def is_latte(c: ModelConfig) -> bool:
    """Whether it is Latte for text, or else to be DiT."""
    return c.attention == "latte"


def check(model: Generator) -> None:
    """Raises `InputError` naming the first key that diffusers has no place for."""
    c = model.config
    name, needs = ("Latte", _of_latte) if is_latte(c) else ("DiT", _of_dit)
    for need in (*_of_both(model), *needs(model)):
        if not need.is_met:
            raise InputError(
                f"{need.key}={need.found!r}: expected {need.expected!r}, as diffusers' {name} has"
            )
    if not is_latte(c) and c.vocabulary - 1 > CLASSES:
        raise InputError(f"{c.vocabulary - 1} labels: expected up to {CLASSES}, as diffusers' DiT")
    if is_latte(c) and c.latent[1] >= SIDE:
        raise InputError(
            f"latents {c.latent[1]} high: expected under {SIDE}, where the positions of diffusers' "
            "Latte are other ones"
        )


def _of_both(model: Generator) -> Iterator[Need]:
    """Of DiT and Latte alike."""
    c = model.config
    yield Need("objective", model.settings["objective"], "ddpm")
    yield Need("autoencoder.name", model.autoencoder.name, "kl")
    yield Need("data.width", model.video[2], model.video[1])
    yield Need("model.positions", c.positions, "sincos")
    yield Need("model.qk_norm", c.qk_norm, False)
    yield Need("model.given", "above 0" if c.frame_timesteps else 0, 0)
    yield Need("model.shape_condition", c.shape_condition, False)
    yield Need("model.patch", c.patch, (1, c.patch[1], c.patch[1]))
    yield Need("model.frequencies", c.frequencies, FREQUENCIES)
    yield Need("model.mlp_ratio", c.mlp_ratio, 4.0)


def _of_dit(model: Generator) -> Iterator[Need]:
    c = model.config
    yield Need("model.attention", c.attention, "full")
    yield Need("model.condition", c.condition, "label")
    yield Need("data.num_frames", model.video[0], 1)
    yield Need("model.max_period", c.max_period, MAX_PERIOD)


def _of_latte(model: Generator) -> Iterator[Need]:
    """Its pipeline cuts the output in halves, whatever the second is."""
    yield Need("model.max_period", model.config.max_period, 10_000.0)
    yield Need("ddpm.learned_variance", model.config.learn_sigma, True)
