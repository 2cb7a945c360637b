"""The model: what it must do by construction, whatever its weights."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from tests.tiny import config
from vdit.config.model_config import LAYOUTS, ModelConfig
from vdit.config.sizes import latent_shape, model_config_of, size_of
from vdit.errors import InputError
from vdit.models import dit, embed
from vdit.models.attend import attend, attend_within

CONFIG = ModelConfig((3, 4, 4, 2), (1, 2, 2), 24, 3, 2, frequencies=16, vocabulary=9, text_length=5)


def perturbed(config, scale=0.1):
    """A model whose zeros are no longer zero, so that every path carries signal."""
    graph, weights = nnx.split(dit.create(config, jax.random.key(0)))
    leaves, tree = jax.tree.flatten(weights)
    rng = np.random.default_rng(1)
    leaves = [x + scale * rng.standard_normal(x.shape, np.float32) for x in leaves]
    return nnx.merge(graph, jax.tree.unflatten(tree, leaves))


def inputs(config, batch=2):
    x = jax.random.normal(jax.random.key(2), (batch, *config.latent))
    caption = jnp.arange(batch * config.text_length).reshape(batch, -1) % config.vocabulary
    return x, jnp.linspace(0.2, 0.8, batch), caption


VARIANTS = {name: dataclasses.replace(CONFIG, attention=name, depth=4) for name in LAYOUTS}


def same_group(attention_axis, grid):
    """(N, N) mask: which tokens of a clip attend to each other, from their positions alone."""
    t, *yx = np.unravel_index(np.arange(np.prod(grid)), grid)
    if attention_axis == "full":
        return np.ones((len(t), len(t)), bool)
    axes = [t] if attention_axis == "space" else yx
    return np.all([a[:, None] == a for a in axes], axis=0)


@pytest.mark.parametrize("attention_axis", ["full", "space", "time", "split"])
def test_attention_within_groups_is_masked_attention(attention_axis):
    grid, key = (3, 2, 4), jax.random.key(0)
    q, k, v = (jax.random.normal(x, (2, 24, 4, 6)) for x in jax.random.split(key, 3))
    halves = ("space", "time") if attention_axis == "split" else (attention_axis, attention_axis)
    masks = np.repeat(np.stack([same_group(half, grid) for half in halves]), 2, axis=0)
    expected = jax.nn.dot_product_attention(q, k, v, mask=jnp.asarray(masks)[None])
    got = attend_within((q, k, v), attention_axis, grid)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_variant_starts_at_zero_and_mixes_space_with_time(name):
    config = VARIANTS[name]
    args = inputs(config)
    assert (dit.create(config, jax.random.key(0))(*args) == 0).all()
    model, (x, t, caption) = perturbed(config), args
    moved = model(x.at[:, 0, 0, 0].add(1.0), t, caption) - model(x, t, caption)
    assert (jnp.abs(moved).max((0, -1)) > 1e-6).all()


def test_late_fusion_keeps_frames_apart_until_its_second_half():
    model, (x, t, caption) = perturbed(VARIANTS["late_fusion"]), inputs(CONFIG)
    model.stages = model.stages[:1]
    moved = model(x.at[:, 0].add(1.0), t, caption) - model(x, t, caption)
    assert float(jnp.abs(moved[:, 0]).max()) > 1e-3
    assert (moved[:, 1:] == 0).all()


@pytest.mark.parametrize("latent", [(1, 4, 4, 2), (5, 6, 2, 2)])
@pytest.mark.parametrize("name", ["full", "interleaved"])
def test_one_set_of_weights_serves_any_number_of_frames_and_any_frame(name, latent):
    model = perturbed(VARIANTS[name])
    args = inputs(dataclasses.replace(CONFIG, latent=latent))
    other = perturbed(dataclasses.replace(VARIANTS[name], latent=latent))
    np.testing.assert_array_equal(model(*args), other(*args))


def test_a_clip_that_the_patch_does_not_divide_is_named():
    model, (x, t, caption) = perturbed(CONFIG), inputs(CONFIG)
    with pytest.raises(InputError, match="does not divide W = 3"):
        model(x[:, :, :, :3], t, caption)


def test_the_model_without_weights_is_the_one_that_is_drawn():
    config = VARIANTS["interleaved"]
    drawn = jax.eval_shape(lambda: nnx.split(dit.create(config, jax.random.key(0))))
    assert dit.graph_of(config) == drawn[0]
    leaves, tree = jax.tree.flatten(dit.weight_shapes(config))
    assert (leaves, tree) == jax.tree.flatten(drawn[1])


def test_patches_come_back():
    x = jax.random.normal(jax.random.key(0), (2, 4, 6, 8, 3))
    tokens = embed.patchify(x, (2, 3, 2))
    assert tokens.shape == (2, 2 * 2 * 4, 2 * 3 * 2 * 3)
    np.testing.assert_array_equal(embed.unpatchify(tokens, (2, 3, 2), x.shape[1:]), x)
    np.testing.assert_array_equal(tokens[0, 0].reshape(2, 3, 2, 3), x[0, :2, :3, :2])


def test_scanned_unrolled_and_rematerialised_agree():
    x = inputs(CONFIG)
    expected = perturbed(CONFIG)(*x)
    assert float(jnp.abs(expected).mean()) > 0.1
    for change in ({"unroll": True}, {"remat": "full"}, {"remat": "dots"}):
        got = perturbed(dataclasses.replace(CONFIG, **change))(*x)
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("changed", [0, 1, 2])
def test_every_input_matters(changed):
    model, args = perturbed(CONFIG), list(inputs(CONFIG))
    before = model(*args)
    args[changed] = [args[0] + 0.1, args[1] + 0.1, (args[2] + 1) % CONFIG.vocabulary][changed]
    assert float(jnp.abs(model(*args) - before).max()) > 1e-3


def test_padding_of_a_caption_changes_nothing():
    model, (x, t, caption) = perturbed(CONFIG), inputs(CONFIG)
    caption = caption.at[:, 2:].set(0).at[:, :2].set(3)
    before = model(x, t, caption)
    words = model.caption.places[...]
    model.caption.places[...] = words.at[2:].add(5.0)
    np.testing.assert_allclose(model(x, t, caption), before, atol=1e-6)


def test_clips_of_a_batch_do_not_mix():
    model, (x, t, caption) = perturbed(CONFIG), inputs(CONFIG)
    alone = model(x[:1], t[:1], caption[:1])
    np.testing.assert_allclose(model(x, t, caption)[:1], alone, atol=1e-5)


def test_rotary_scores_depend_on_the_distance_alone():
    angles = embed.rotary_angles((4, 4, 4), 12)
    q, k = jax.random.normal(jax.random.key(0), (2, 1, 1, 12))
    turned = embed.rotate(jnp.broadcast_to(q, (64, 1, 12))[None], angles)
    other = embed.rotate(jnp.broadcast_to(k, (64, 1, 12))[None], angles)
    scores = np.einsum("bnke,bmke->nm", turned, other).reshape((4,) * 6)
    assert scores[0, 1, 2, 1, 2, 3] == pytest.approx(scores[2, 0, 0, 3, 1, 1], abs=1e-4)
    flat = {round(float(scores[0, 0, 0, i, j, k]), 4) for i, j, k in np.ndindex(3, 3, 3)}
    assert len(flat) > 20  # and it does depend on it, along every axis


def test_attention_is_the_plain_formula():
    q, k, v = jax.random.normal(jax.random.key(0), (3, 2, 5, 2, 4))
    mask = jnp.array([[True] * 5, [True, True, False, False, False]])
    expected = jax.nn.dot_product_attention(q, k, v, mask=mask[:, None, None])
    np.testing.assert_allclose(attend(q, k, v, jnp.array([5, 2])), expected, atol=1e-5)


def test_a_caption_ends_with_its_last_word():
    model = perturbed(CONFIG).caption
    captions = jnp.array([[3, 4, 5, 6, 7], [3, 4, 0, 0, 0], [3, 0, 5, 0, 0], [0, 0, 0, 0, 0]])
    np.testing.assert_array_equal(model(captions)[1], [5, 2, 3, 1])


def test_bfloat16_is_near_float32():
    x = inputs(CONFIG)
    half = perturbed(dataclasses.replace(CONFIG, dtype="bfloat16"), 0.05)
    assert all(w.dtype == jnp.float32 for w in jax.tree.leaves(nnx.state(half)))
    whole = perturbed(CONFIG, 0.05)(*x)
    np.testing.assert_allclose(half(*x), whole, atol=0.03 * float(jnp.abs(whole).max()))


@pytest.mark.parametrize("condition", ["class", "none"])
def test_other_conditions(condition):
    config = dataclasses.replace(CONFIG, condition=condition, text_length=1)
    x, t, caption = inputs(config)
    moved = perturbed(config)(x, t, caption + 1) - perturbed(config)(x, t, caption)
    assert bool((moved != 0).any()) == (condition == "class")


def test_shapes_that_cannot_be_are_named(tmp_path):
    with pytest.raises(InputError, match=r"width 24 is not above the 48 numbers in one patch"):
        model_config_of(config(tmp_path, **{"model.patch": (1, 4, 4)}))
    with pytest.raises(InputError, match=r"2 does not divide the latents' T = 3"):
        model_config_of(config(tmp_path, **{"model.patch": (2, 2, 2)}))
    with pytest.raises(InputError, match="unknown size 'Q'"):
        size_of("Q")
    autoencoder = config(tmp_path).autoencoder
    autoencoder.unlock()
    autoencoder.update({"name": "causal", "time": 4, "space": 4, "channels": 4})
    assert latent_shape(autoencoder, 9, 32, 40) == (3, 8, 10, 4)
    with pytest.raises(InputError, match="10 frames: expected 1 \\+ a multiple of 4"):
        latent_shape(autoencoder, 10, 32, 32)
