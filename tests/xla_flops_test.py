"""Closed forms against XLA's own count, where the element-wise work that it adds is small."""

import dataclasses

import jax
import pytest

from tests.flops_test import DEMO, arguments, forward_and_loss
from vdit.config import flops, mixture
from vdit.config.model_config import VARIANTS

WIDE = dataclasses.replace(
    DEMO, latent=(4, 16, 16, 4), width=1024, depth=2, heads=16, unroll=True, frequencies=256
)
CONFIGS = {name: dataclasses.replace(WIDE, attention=name) for name in VARIANTS}
CONFIGS["latte"] = dataclasses.replace(CONFIGS["latte"], positions="sincos")
CONFIGS["unet"] = dataclasses.replace(CONFIGS["unet"], depth=1)
for condition in ("class", "label", "none"):
    CONFIGS[condition] = dataclasses.replace(WIDE, condition=condition, text_length=1)
for name in ("full", "factorised"):
    CONFIGS[f"{name} image"] = mixture.image_model(CONFIGS[name])
CONFIGS["dit"] = dataclasses.replace(WIDE, positions="sincos", qk_norm=False, learn_sigma=True)


@pytest.mark.parametrize("name", CONFIGS)
def test_the_forward_pass_is_what_xla_counts(name):
    config, batch = CONFIGS[name], 2
    forward, _, weights = forward_and_loss(config)
    lowered = jax.jit(forward).lower(weights, *arguments(config, batch))
    expected = batch * flops.forward_flops(config)
    assert lowered.cost_analysis()["flops"] == pytest.approx(expected, rel=0.01)


@pytest.mark.slow
def test_the_compiled_training_step_is_what_xla_counts():
    config, batch = WIDE, 2
    _, gradient, weights = forward_and_loss(config)
    compiled = jax.jit(gradient).lower(weights, *arguments(config, batch)).compile()
    expected = batch * flops.training_flops(config)
    assert compiled.cost_analysis()["flops"] == pytest.approx(expected, rel=0.01)
