"""The model's options beside its defaults: positions, labels, learned variance."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from tests.dit_test import CONFIG, VARIANTS, inputs, perturbed
from tests.tiny import config
from vdit.config.model_config import LAYOUTS
from vdit.config.sizes import model_config_of
from vdit.errors import InputError
from vdit.models import dit, embed, positions

# The options beside today's defaults, each with what it takes.
OPTIONS = {
    "sincos": {"positions": "sincos"},
    "learned positions": {"positions": "learned"},
    "no qk-norm": {"qk_norm": False},
    "label": {"condition": "label", "text_length": 1},
    "learned variance": {"learn_sigma": True},
    "text by adaLN alone": {"caption_by": "adaln"},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_starts_at_zero_and_uses_all_its_weights(name):
    config = dataclasses.replace(CONFIG, attention="interleaved", depth=2, **OPTIONS[name])
    args, graph = inputs(config), nnx.split(dit.create(config, jax.random.key(0)))[0]

    @jax.jit
    @jax.value_and_grad
    def square(weights):
        y = nnx.merge(graph, weights)(*args)
        assert y.shape == (*args[0].shape[:-1], 2 * (1 + config.learn_sigma))
        return jnp.square(y).sum()

    assert square(nnx.split(dit.create(config, jax.random.key(0)))[1])[0] == 0
    gradient = jax.tree_util.tree_leaves_with_path(square(nnx.split(perturbed(config))[1])[1])
    assert not [jax.tree_util.keystr(path) for path, g in gradient if not g.any()]


def test_a_caption_in_context_is_read_and_its_padding_is_not():
    config = dataclasses.replace(CONFIG, depth=1, caption_by="context")
    model, (x, t, caption) = jax.jit(perturbed(config)), inputs(config)
    caption = jnp.asarray([[3, 2, 0], [1, 0, 0]])
    before = model(x, t, caption)
    assert before.shape == x.shape
    assert np.abs(model(x, t, caption.at[0, 1].set(1)) - before)[0].max() > 1e-4
    shorter = model(x[1:], t[1:], caption[1:, :1])  # a padded caption is the caption
    np.testing.assert_allclose(shorter, before[1:], atol=1e-5)


@pytest.mark.parametrize("attention", ["full", "interleaved"])
def test_every_frame_may_have_a_timestep_of_its_own(attention):
    config = dataclasses.replace(CONFIG, attention=attention, depth=2, frame_timesteps=True)
    model, (x, t, caption) = jax.jit(perturbed(config)), inputs(config)
    frames = jnp.broadcast_to(t[:, None], x.shape[:2])
    one, each = model(x, t, caption), model(x, frames, caption)
    np.testing.assert_allclose(one, each, atol=1e-5)
    changed = np.abs(model(x, frames.at[0, -1].set(0.0), caption) - each).max((2, 3, 4))
    assert changed[0].min() > 1e-5  # the others see that frame
    assert changed[1].max() == 0
    assert changed[0].argmax() == x.shape[1] - 1


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("kind", ["sincos", "learned"])
def test_tables_tell_every_token_from_every_other(name, kind):
    """All tokens alike but for their positions: no two come out the same."""
    config = dataclasses.replace(VARIANTS[name], positions=kind, condition="none")
    x, t, caption = inputs(config)
    y = perturbed(config)(jnp.ones_like(x), t, caption)[0]
    tokens = np.asarray(embed.patchify(y[None], config.patch)[0])
    apart = np.abs(tokens[:, None] - tokens).max(-1) + 10 * np.eye(len(tokens))
    assert apart.min() > 1e-4


def test_a_label_is_a_row_of_the_table():
    config = dataclasses.replace(CONFIG, condition="label", text_length=1, depth=1)
    model, (x, t, label) = perturbed(config), inputs(config)
    before = model(x, t, label)
    model.caption.table[...] = jnp.roll(model.caption.table[...], 1, axis=0)
    np.testing.assert_array_equal(model(x, t, label + 1), before)
    with pytest.raises(InputError, match=r"labels of shape \(2, 3\): expected \(B, 1\)"):
        model(x, t, jnp.zeros((2, 3), int))


def test_the_fixed_table_tells_column_and_row_apart():
    """One frequency is enough to see which half is which: sine and cosine of the position."""
    table = positions.spatial_table(2, 3, 4).reshape(2, 3, 4)
    row, column = np.mgrid[:2, :3]
    expected = np.stack([np.sin(column), np.cos(column), np.sin(row), np.cos(row)], -1)
    np.testing.assert_allclose(table, expected, atol=1e-6)


@pytest.mark.parametrize("kind", ["sincos", "learned"])
def test_a_model_of_videos_takes_images_and_smaller_frames(kind):
    config = dataclasses.replace(VARIANTS["interleaved"], positions=kind)
    model, (x, t, caption) = perturbed(config), inputs(config)
    assert model(x[:, :1, :2], t, caption).shape == (2, 1, 2, 4, 2)
    if kind == "learned":
        with pytest.raises(InputError, match=r"\(6, 2, 2\) patches: learned positions know"):
            model(jnp.concatenate([x, x], 1), t, caption)


def test_options_come_from_the_config(tmp_path):
    plain = model_config_of(config(tmp_path))
    assert (plain.positions, plain.qk_norm, plain.learn_sigma) == ("rotary", True, False)
    keys = {"model.positions": "sincos", "model.qk_norm": False, "model.condition": "label"}
    keys |= {"objective": "ddpm", "ddpm.learned_variance": True}
    asked = model_config_of(config(tmp_path, **keys))
    changes = {"positions": "sincos", "qk_norm": False, "learn_sigma": True}
    assert asked == dataclasses.replace(plain, condition="label", text_length=1, **changes)


def test_options_that_do_not_go_together_are_named(tmp_path):
    with pytest.raises(InputError, match=r"model\.positions='fourier': expected one of"):
        model_config_of(config(tmp_path, **{"model.positions": "fourier"}))
    odd = {"model.positions": "sincos", "model.width": 26}
    with pytest.raises(InputError, match="width 26: sincos positions take a multiple of 4"):
        model_config_of(config(tmp_path, **odd))
