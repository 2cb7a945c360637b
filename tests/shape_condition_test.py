"""A model that is told the shape of its clips: what it tells apart, and who cannot be told."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from tests.tiny import config as tiny
from vdit.config.model_config import ModelConfig, checked
from vdit.config.sizes import model_config_of, variant_of
from vdit.errors import InputError
from vdit.models.conditioning import Conditioned

CONFIG = ModelConfig(
    (2, 4, 8, 3), (1, 2, 2), 8, 1, 2, frequencies=8, condition="none", shape_condition=True
)
SHAPES = (2, 4, 8), (2, 8, 4), (4, 4, 8), (1, 4, 8)  # the first two have as many patches


def conditions(model, t_of) -> list[np.ndarray]:
    return [np.asarray(model.condition(t_of(shape), None, shape)[0]) for shape in SHAPES]


def test_shapes_are_one_before_the_first_step_and_told_apart_after_it():
    with nnx.use_eager_sharding(False):
        model = Conditioned(CONFIG, rngs=nnx.Rngs(0))
    one_time = lambda shape: jnp.full(2, 0.5)  # noqa: E731
    first, *others = conditions(model, one_time)
    assert all((first == other).all() for other in others)

    model.shape.out.kernel[...] = jax.random.normal(jax.random.key(1), (8, 8))
    found = conditions(model, one_time)
    for i, one in enumerate(found):
        assert all(np.abs(one - other).max() > 0.01 for other in found[:i])
    framed = conditions(model, lambda shape: jnp.full((2, shape[0]), 0.5))
    for whole, by_frame in zip(found, framed, strict=True):  # a timestep for every frame
        np.testing.assert_allclose(by_frame, np.broadcast_to(whole[:, None], by_frame.shape), 1e-5)


@pytest.mark.parametrize("attention", ["latte", "captioner"])
def test_networks_without_a_place_for_it_refuse(attention):
    with pytest.raises(InputError, match=f"model.shape_condition with {attention} attention: exp"):
        checked(dataclasses.replace(CONFIG, attention=attention, condition="text"))


def test_a_config_of_before_means_none(tmp_path):
    made = tiny(tmp_path)
    assert not model_config_of(made).shape_condition
    made.model.shape_condition = True
    assert model_config_of(made).shape_condition
    assert variant_of(made.model) == "full-shape"
    del made.model["shape_condition"]
    assert not model_config_of(made).shape_condition
    assert variant_of(made.model) == "full"
