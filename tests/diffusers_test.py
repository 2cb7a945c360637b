"""The models of Hugging Face diffusers, all their weights random: its outputs, and its bytes."""

import functools

import numpy as np
import pytest

from tests.pretrained_test import same_bytes
from vdit.models import positions
from vdit.pretrained import from_torch, read, to_torch

CLOSE = {"rtol": 0, "atol": 1e-4}  # what the task asks of float32
SIZES = {
    "num_attention_heads": 2,
    "attention_head_dim": 12,
    "in_channels": 3,
    "out_channels": 6,
    "num_layers": 3,
    "sample_size": 8,
    "patch_size": 2,
    "attention_bias": True,
}
LATTE = {
    "cross_attention_dim": 24,
    "caption_channels": 5,
    "video_length": 4,
    "activation_fn": "gelu-approximate",
    "norm_type": "ada_norm_single",
    "norm_elementwise_affine": False,
    "norm_eps": 1e-6,
}


@functools.cache
def theirs(kind):
    """diffusers' model and its weights as arrays: as large as PyTorch's at the start, none zero."""
    torch = pytest.importorskip("torch")
    diffusers = pytest.importorskip("diffusers")
    if kind == "dit":
        model = diffusers.DiTTransformer2DModel(**SIZES, num_embeds_ada_norm=7)
    else:
        model = diffusers.LatteTransformer3DModel(**SIZES | LATTE)
    weights, rng = model.state_dict(), np.random.default_rng(0)
    for name, tensor in weights.items():
        fan_in = np.prod(tensor.shape[1:]) if tensor.ndim > 1 else 4
        random = rng.normal(0, (3 * fan_in) ** -0.5, tensor.shape).astype(np.float32)
        source = _first_copy(name)
        weights[name] = torch.from_numpy(random) if source == name else weights[source]
    model.load_state_dict(weights)
    return model.eval(), {name: tensor.numpy() for name, tensor in weights.items()}


def _first_copy(name):
    """The block whose embedders diffusers' output uses is the first; published ones are copies."""
    _, i, *rest = f"{name}..".split(".", 2)
    copy = i.isdecimal() and rest[0].startswith("norm1.emb.")
    return name.replace(f".{i}.", ".0.", 1) if copy else name


def run(kind, x, t, **inputs):
    """diffusers' output for channels-last arrays."""
    import torch

    model, _ = theirs(kind)
    x = np.moveaxis(x, -1, 1) if kind == "latte" else np.moveaxis(x[:, 0], -1, 1)
    inputs = {name: torch.from_numpy(array) for name, array in inputs.items()}
    with torch.no_grad():
        y = model(torch.from_numpy(x), timestep=torch.from_numpy(t), **inputs).sample.numpy()
    return np.moveaxis(y if kind == "latte" else y[:, :, None], 1, -1)


def ours(kind, heads=2, **changes):
    """Our model of the weights; a change of None takes a weight away."""
    weights = {k: v for k, v in (theirs(kind)[1] | changes).items() if v is not None}
    return from_torch(weights, kind, heads)


def clip(frames, channels=3, side=8):
    x = np.random.default_rng(1).normal(size=(2, frames, side, side, channels))
    return x.astype(np.float32)


def captions(batch=2, words=6):
    return np.random.default_rng(2).normal(size=(batch, words, 5)).astype(np.float32)


T = np.array([37, 951])


# --- outputs ------------------------------------------------------------------------------------


def test_dit_is_that_of_diffusers():
    x, y = clip(1), np.array([6, 2])
    model = ours("dit")
    expected = run("dit", x, T, class_labels=y)
    np.testing.assert_allclose(model(x, T, y), expected, **CLOSE)
    none = run("dit", x, T, class_labels=np.array([7, 7]))
    np.testing.assert_allclose(model(x, T), none, **CLOSE)
    assert np.abs(none - expected).max() > 0.1


@pytest.mark.parametrize("frames", [4, 1])
def test_latte_is_that_of_diffusers(frames):
    x, words = clip(frames), captions()
    expected = run("latte", x, T, encoder_hidden_states=words)
    np.testing.assert_allclose(ours("latte")(x, T, words), expected, **CLOSE)


def test_words_behind_the_mask_are_not_seen():
    """diffusers adds a bias to the scores of each frame, given with one axis for the queries."""
    x, words = clip(4), captions()
    mask = np.arange(6) < np.array([[6], [2]])
    bias = np.where(np.repeat(mask, 4, axis=0), 0, -10_000).astype(np.float32)[:, None]
    seen = run("latte", x, T, encoder_hidden_states=words, encoder_attention_mask=bias)
    model = ours("latte")
    found = model(x, T, words, mask)
    np.testing.assert_allclose(found, seen, **CLOSE)
    others = np.where(mask[..., None], words, 9).astype(np.float32)
    np.testing.assert_array_equal(model(x, T, others, mask), found)


def test_the_tables_that_are_not_stored_are_ours():
    for kind in ("dit", "latte"):
        table = theirs(kind)[0].pos_embed.pos_embed[0].numpy()
        np.testing.assert_allclose(positions.spatial_table(4, 4, 24), table, rtol=0, atol=1e-6)
    table = theirs("latte")[0].temp_pos_embed[0].numpy()
    np.testing.assert_allclose(positions.temporal_table(4, 24), table, rtol=0, atol=1e-6)


# --- configs, and back ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["dit", "latte"])
def test_the_config_is_read_off_the_weights(kind):
    config = ours(kind).config
    assert (config.latent, config.patch) == ((1, 2, 2, 3), (1, 2, 2))
    assert (config.width, config.heads, config.mlp_ratio) == (24, 2, 4)
    assert (config.learn_sigma, config.positions) == (True, "sincos")
    own = (config.depth, config.condition, config.attention)
    assert own == {"dit": (3, "label", "full"), "latte": (6, "text", "latte")}[kind]
    assert (config.vocabulary if kind == "dit" else config.text_features) == {"dit": 8, "latte": 5}[
        kind
    ]


@pytest.mark.parametrize("kind", ["dit", "latte"])
def test_there_and_back_gives_equal_bytes(kind):
    same_bytes(to_torch(ours(kind)), theirs(kind)[1])
    halves = {name: array.astype(np.float16) for name, array in theirs(kind)[1].items()}
    same_bytes(to_torch(from_torch(halves, kind, 2)), halves)


def test_the_file_that_diffusers_writes_is_read(tmp_path):
    model, weights = theirs("latte")
    model.save_pretrained(tmp_path)
    found = to_torch(from_torch(read(tmp_path / "diffusion_pytorch_model.safetensors"), "latte", 2))
    same_bytes(found, {name: weights[name] for name in found})
    assert len(found) == len(weights)
