"""Published models through `from_torch`: the reference's numbers, and its bytes on the way back."""

import dataclasses
import functools

import jax
import numpy as np
import pytest

from tests import reference_models
from vdit.diffusion.guidance import Guidance, combine
from vdit.errors import InputError
from vdit.models import positions
from vdit.pretrained import from_torch, to_torch

CLOSE = {"rtol": 0, "atol": 1e-4}
LABELS = "y_embedder.embedding_table.weight"


@pytest.fixture(scope="module", params=["dit", "latte"])
def published(request):
    return reference_models.load(request.param)


@functools.cache
def reference(kind):
    return reference_models.load(kind)


def oracle(published, x, **changes):
    """What the reference code computes on x with some weights changed."""
    changed = dataclasses.replace(published, weights=published.weights | changes)
    return changed.model(x, published["t"], published["y"])


def taken(published, **changes):
    """The model of the published weights; a change of None takes a weight away."""
    weights = {k: v for k, v in (published.weights | changes).items() if v is not None}
    return from_torch(weights, published.config["kind"], published.config["num_heads"])


def random_weights(kind="dit", width=16, heads=2, patch=2, grid=(3, 2), classes=3):
    """A state dict with other sizes than the files', its numbers random; grid is (T, side)."""
    rng = np.random.default_rng(0)
    frames, side = grid
    hidden, out, channels = 3 * width, 2 * 5 * patch**2, 5
    dense = {
        "t_embedder.mlp.0": (width, 256),
        "t_embedder.mlp.2": (width, width),
        "final_layer.adaLN_modulation.1": (2 * width, width),
        "final_layer.linear": (out, width),
    }
    for i in range(4):
        for name, shape in (
            ("attn.qkv", (3 * width, width)),
            ("attn.proj", (width, width)),
            ("mlp.fc1", (hidden, width)),
            ("mlp.fc2", (width, hidden)),
            ("adaLN_modulation.1", (6 * width, width)),
        ):
            dense[f"blocks.{i}.{name}"] = shape
    shapes = {"x_embedder.proj.weight": (width, channels, patch, patch)}
    shapes |= {"x_embedder.proj.bias": (width,), LABELS: (classes + 1, width)}
    shapes |= {f"{name}.weight": shape for name, shape in dense.items()}
    shapes |= {f"{name}.bias": shape[:1] for name, shape in dense.items()}
    weights = {k: rng.normal(0, 0.1, shape).astype(np.float32) for k, shape in shapes.items()}
    weights["pos_embed"] = positions.spatial_table(side, side, width)[None]
    if kind == "latte":
        weights["temp_embed"] = positions.temporal_table(frames, width)[None]
    config = {"patch_size": patch, "hidden_size": width, "depth": 4, "num_heads": heads}
    return reference_models.Reference(config | {"kind": kind}, weights, {})


# --- the published numbers ----------------------------------------------------------------------


def test_output_and_guided_output_are_the_published_ones(published):
    model, (x, t, y) = taken(published), (published[k] for k in ("x", "t", "y"))
    seen = model(x, t, y)
    np.testing.assert_allclose(seen, published["model_output"], **CLOSE)
    guidance = Guidance(4.0, channels=4 if published.latte else 3)
    unseen = model(x, t, np.full_like(y, published.config["num_classes"]))
    guided = combine(seen, unseen, guidance, 4)
    np.testing.assert_allclose(guided, published["guided_output_scale4"], **CLOSE)
    np.testing.assert_array_equal(model(x, t), unseen)
    np.testing.assert_array_equal(model(x, 7, 1), model(x, [7, 7], [1, 1]))


def test_the_config_is_read_off_the_weights(published):
    found, config = taken(published).config, published.config
    p, side = config["patch_size"], config["input_size"]
    assert found.latent == (config.get("num_frames", 1), side, side, config["in_channels"])
    assert (found.patch, found.width) == ((1, p, p), config["hidden_size"])
    assert (found.depth, found.heads) == (config["depth"], config["num_heads"])
    assert (found.vocabulary, found.learn_sigma) == (config["num_classes"] + 1, True)
    assert (found.positions, found.condition) == ("sincos", "label")


def test_the_stored_tables_are_the_fixed_ones(published):
    side, width = published.config["input_size"] // 2, published.config["hidden_size"]
    table = positions.spatial_table(side, side, width)
    np.testing.assert_allclose(published.weights["pos_embed"][0], table, rtol=0, atol=1e-6)
    if published.latte:
        table = positions.temporal_table(published.config["num_frames"], width)
        np.testing.assert_allclose(published.weights["temp_embed"][0], table, rtol=0, atol=1e-6)


# --- and back -----------------------------------------------------------------------------------


def same_bytes(found, expected):
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype, name
        assert found[name].shape == array.shape, name
        assert found[name].tobytes() == array.tobytes(), name


def test_there_and_back_gives_equal_bytes(published):
    same_bytes(to_torch(taken(published)), published.weights)


def test_half_precision_comes_back_as_it_was():
    halves = {k: v.astype(np.float16) for k, v in reference("latte").weights.items()}
    model = from_torch(halves, "latte", 4)
    assert model.config.positions == "sincos"
    assert {str(x.dtype) for x in jax.tree.leaves(model.weights)} == {"float32"}
    same_bytes(to_torch(model), halves)


@pytest.mark.parametrize("kind", ["dit", "latte"])
def test_tables_that_were_trained_are_kept_as_learned_positions(kind):
    published = reference(kind)
    changed = {"pos_embed": published.weights["pos_embed"] * 1.5 + 0.1}
    if kind == "latte":
        changed["temp_embed"] = published.weights["temp_embed"] - 0.3
    model, x = taken(published, **changed), published["x"]
    assert model.config.positions == "learned"
    expected = oracle(published, x, **changed)
    np.testing.assert_allclose(model(x, published["t"], published["y"]), expected, **CLOSE)
    same_bytes(to_torch(model), published.weights | changed)
    with pytest.raises(InputError, match=r"learned positions know \(\d, 4, 4\), no more"):
        model(np.concatenate([x, x], axis=2), published["t"])


@pytest.mark.parametrize("kind", ["dit", "latte"])
def test_other_sizes_are_inferred_too(kind):
    made = random_weights(kind)
    model = from_torch(made.weights, kind, 2)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2, 3 if kind == "latte" else 1, 4, 4, 5)).astype(np.float32)
    t, y = np.array([0, 999]), np.array([3, 0])
    expected = made.model(x, t, y)
    np.testing.assert_allclose(model(x, t, y), expected, rtol=1e-4, atol=1e-4)
    same_bytes(to_torch(model), made.weights)


def test_a_model_without_labels():
    published = reference("latte")
    model, x = taken(published, **{LABELS: None}), published["x"]
    assert model.config.condition == "none"
    expected = oracle(published, x, **{LABELS: np.zeros((6, 48), np.float32)})
    np.testing.assert_allclose(model(x, published["t"]), expected, **CLOSE)
    assert LABELS not in to_torch(model)


def test_fixed_tables_serve_clips_of_any_size():
    published = reference("latte")
    model, x = taken(published), published["x"][:, :3, :4]
    frames = published.weights["temp_embed"][:, :3]
    places = positions.spatial_table(2, 4, 48)[None]
    expected = oracle(published, x, pos_embed=places, temp_embed=frames)
    np.testing.assert_allclose(model(x, published["t"], published["y"]), expected, **CLOSE)
