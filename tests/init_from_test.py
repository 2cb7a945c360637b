"""Runs that start from other weights: what an image model knows, a video model knows at step 0."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from tests import reference_models
from vdit.config.model_config import FAMILIES, LAYOUTS, ModelConfig
from vdit.errors import InputError
from vdit.models import dit
from vdit.models.dit import graph_of
from vdit.parallel.compiler import compiler_options
from vdit.runs.weights import name_of
from vdit.training import init_from

IMAGE = ModelConfig((1, 4, 4, 3), (1, 2, 2), 16, 2, 2, frequencies=32, vocabulary=5, text_length=3)
SHAPE_WEIGHTS = {f"shape/{layer}/{w}" for layer in ("up", "out") for w in ("kernel", "bias")}
DEPTH = {"interleaved": 4, "late_fusion": 4, "factorised": 2, "another": 4}
ANOTHER = ((("space", "time"), ("time",)),)  # a layout of the reader's own


def quick(f):
    return jax.jit(f, compiler_options=compiler_options("init"))


def numbered(shape):
    """Random weights by path: the zeros of a new model would hide errors."""
    rng = np.random.default_rng(0)
    empty = jax.eval_shape(lambda: nnx.split(dit.create(shape, jax.random.key(0)))[1])
    named = {name_of(p): x.shape for p, x in jax.tree_util.tree_leaves_with_path(empty)}
    return {k: rng.normal(0, 0.3, s).astype(np.float32) for k, s in named.items()}


def state_of(shape, weights):
    """Weights by path as the state of a model."""
    empty = jax.eval_shape(lambda: nnx.split(dit.create(shape, jax.random.key(0)))[1])
    names = [name_of(p) for p, _ in jax.tree_util.tree_leaves_with_path(empty)]
    filled = [jnp.asarray(weights[n]) for n in names]
    return jax.tree.unflatten(jax.tree.structure(empty), filled)


def fresh(shape):
    """The weights of a new model: zero where `dit.create` has zeros, elsewhere they may be any."""
    weights = numbered(shape)
    zero = ("modulation", "cross/out", "output", "bias")
    return state_of(shape, {k: x * (not any(z in k for z in zero)) for k, x in weights.items()})


def test_a_new_model_is_zero_where_these_tests_say():
    shape = dataclasses.replace(IMAGE, attention="interleaved")
    new = quick(lambda key: nnx.split(dit.create(shape, key))[1])(jax.random.key(1))
    for a, b in zip(*map(jax.tree.leaves, (new, fresh(shape))), strict=True):
        assert np.any(b) or not np.any(a)


def outputs(shape, state, *inputs):
    return quick(lambda state, *a: nnx.merge(graph_of(shape), state)(*a))(state, *inputs)


def by_frame(shape, state, x_BTHWC, t, caption):
    """The image model on every frame by itself."""
    count = x_BTHWC.shape[1]
    frames = x_BTHWC.reshape(-1, 1, *x_BTHWC.shape[2:])
    t, caption = np.repeat(t, count), np.repeat(caption, count, axis=0)
    y = outputs(shape, state, frames, t, caption)
    return y.reshape(*x_BTHWC.shape[:2], *y.shape[2:])


def example():
    x = np.random.default_rng(2).normal(size=(2, 3, 4, 4, 3)).astype(np.float32)
    return x, np.array([0.2, 0.7], np.float32), np.array([[1, 3, 0], [4, 0, 0]])


# --- images, then video -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attention", "positions"),
    [
        ("interleaved", "rotary"),
        ("late_fusion", "learned"),
        ("factorised", "rotary"),
        ("another", "rotary"),
    ],
)
def test_every_frame_is_what_the_image_model_makes_of_it(attention, positions, monkeypatch):
    monkeypatch.setitem(LAYOUTS, "another", ANOTHER)
    monkeypatch.setitem(FAMILIES, "another", FAMILIES["full"])
    image = dataclasses.replace(IMAGE, positions=positions)
    changes = {"latent": (3, 4, 4, 3), "attention": attention, "depth": DEPTH[attention]}
    video = dataclasses.replace(image, **changes)
    weights = numbered(image)
    state, left_out = init_from.transfer(init_from.Source(image, weights), video, fresh(video))
    expected = by_frame(image, state_of(image, weights), *example())
    assert np.abs(expected).std() > 0.1
    np.testing.assert_allclose(outputs(video, state, *example()), expected, rtol=0, atol=1e-5)
    assert left_out == ""


@pytest.mark.parametrize("attention", ["interleaved", "factorised"])
def test_a_published_image_model_becomes_one_of_video(attention, tmp_path):
    published = reference_models.load("dit")
    np.savez(tmp_path / "dit.npz", **published.weights)
    source = init_from.load(str(tmp_path / "dit.npz"), heads=4)
    depth = 6 if attention == "interleaved" else 3
    changes = {"latent": (3, 8, 8, 4), "attention": attention, "depth": depth}
    video = dataclasses.replace(source.model, **changes, positions="learned")
    state, left_out = init_from.transfer(source, video, fresh(video))
    rng = np.random.default_rng(3)
    x = rng.normal(size=(2, 3, 8, 8, 4)).astype(np.float32)
    frames, t, y = x.reshape(-1, 1, 8, 8, 4), np.array([17, 903]), np.array([4, 0])
    expected = published.model(frames, np.repeat(t, 3), np.repeat(y, 3)).reshape(2, 3, 8, 8, 8)
    seen = outputs(video, state, x, (t / 1000).astype(np.float32), y[:, None] + 1)
    np.testing.assert_allclose(seen, expected, rtol=0, atol=1e-5)
    assert left_out == ""


@pytest.mark.parametrize("condition", ["none", "text"])
def test_without_its_labels_a_model_is_the_one_of_the_null_label(condition):
    image = dataclasses.replace(IMAGE, condition="label")
    other = dataclasses.replace(image, condition=condition, latent=(3, 4, 4, 3))
    other = dataclasses.replace(other, attention="factorised")
    weights = numbered(image)
    state, left_out = init_from.transfer(init_from.Source(image, weights), other, fresh(other))
    x, t, caption = example()
    expected = by_frame(image, state_of(image, weights), x, t, np.zeros((2, 1), int))
    np.testing.assert_allclose(outputs(other, state, x, t, caption), expected, rtol=0, atol=1e-5)
    assert left_out.startswith("not taken, captions or labels differ: ")
    assert "caption/table" in left_out
    assert "caption/words" in left_out or condition == "none"


def test_the_same_variant_takes_every_weight():
    video = dataclasses.replace(IMAGE, latent=(3, 4, 4, 3), attention="interleaved")
    weights = numbered(video)
    expected = state_of(video, weights)
    zeros = jax.tree.map(jnp.zeros_like, expected)
    state, left_out = init_from.transfer(init_from.Source(video, weights), video, zeros)
    for a, b in zip(*map(jax.tree.leaves, (state, expected)), strict=True):
        np.testing.assert_array_equal(a, b)
    assert left_out == ""


def test_other_labels_leave_the_table_new_and_the_fixed_frames_are_told():
    image = dataclasses.replace(IMAGE, condition="label", positions="sincos")
    changes = {"latent": (3, 4, 4, 3), "attention": "factorised", "vocabulary": 7}
    video = dataclasses.replace(image, **changes)
    empty = state_of(video, numbered(video))
    state, left_out = init_from.transfer(init_from.Source(image, numbered(image)), video, empty)
    np.testing.assert_array_equal(state["caption"]["table"], empty["caption"]["table"])
    assert left_out == (
        "not taken, captions or labels differ: caption/table; the fixed table of frames is new to "
        "it (positions=learned starts at zero)"
    )


def test_a_model_that_is_told_shapes_begins_as_the_one_that_was_not():
    told = dataclasses.replace(IMAGE, shape_condition=True)
    weights, new = numbered(IMAGE), state_of(told, numbered(told))
    state, left_out = init_from.transfer(init_from.Source(IMAGE, weights), told, new)
    placed = {name_of(p): x for p, x in jax.tree_util.tree_leaves_with_path(state)}
    assert {n for n in placed if n not in weights} == SHAPE_WEIGHTS
    np.testing.assert_array_equal(state["shape"]["up"]["kernel"], new["shape"]["up"]["kernel"])
    for name, array in weights.items():
        np.testing.assert_array_equal(placed[name], array)
    assert left_out == "the shape of clips is new to it (its embedding starts at zero)"
    source = init_from.Source(told, numbered(told))
    with pytest.raises(InputError, match="its checkpoint has shape/out/bias"):
        init_from.transfer(source, IMAGE, state_of(IMAGE, weights))


# --- errors -------------------------------------------------------------------------------------

WRONG = {
    "its model has 2 heads, this one 4": {"heads": 4},
    "model.attention=split_heads: its model has full": {"attention": "split_heads"},
    "model.positions=learned: its model has rotary": {"positions": "learned"},
    r"output/bias: shape \(12,\): this model's is \(24,\)": {"patch": (2, 2, 2)},
    r"k_norm/scale: shape \(2, 8\): this model's is \(3, 8\)": {"depth": 3},
    "its checkpoint has stages/0/blocks/0/attentions/0/k_norm/scale": {"qk_norm": False},
}


@pytest.mark.parametrize("message", WRONG)
def test_what_does_not_fit_is_one_line(message):
    shape = dataclasses.replace(IMAGE, latent=(4, 4, 4, 3), **WRONG[message])
    with pytest.raises(InputError, match=message):
        init_from.transfer(
            init_from.Source(IMAGE, numbered(IMAGE)), shape, state_of(shape, numbered(shape))
        )


def test_missing_names_are_listed():
    weights = numbered(IMAGE)
    state = state_of(IMAGE, weights)
    del weights["output/bias"]
    with pytest.raises(InputError, match="its checkpoint lacks output/bias"):
        init_from.transfer(init_from.Source(IMAGE, weights), IMAGE, state)


def test_a_folder_without_a_run_is_named(tmp_path):
    with pytest.raises(InputError, match=f"init={tmp_path}: expected the folder of a run"):
        init_from.fingerprint(str(tmp_path))
