"""Wan 2.1's causal video autoencoder: diffusers' own, chunks, refusals, a run on its latents."""

import functools
import json
import shutil

import jax
import numpy as np
import pytest
from flax import nnx
from ml_collections import ConfigDict

import vdit
from tests import tiny
from tests.random_weights import first, random_diffusers, random_stored
from vdit.autoencoders import published
from vdit.autoencoders.load import load_autoencoder
from vdit.autoencoders.pixels import to_float, to_uint8
from vdit.autoencoders.video import decode_in_chunks, encode_in_chunks
from vdit.autoencoders.wan import AutoencoderKLWan, WanConfig
from vdit.config.sizes import latent_shape
from vdit.errors import InputError
from vdit.parallel.compiler import compiler_options

CLOSE = {"rtol": 0, "atol": 1e-4}
# Wan 2.1's in small, and another whose decoder is wider; with diffusers' names.
TINY = {"base_dim": 4, "z_dim": 3, "dim_mult": [1, 2, 2, 2], "num_res_blocks": 1}
OTHER = {"base_dim": 4, "decoder_base_dim": 6, "z_dim": 2, "dim_mult": [1, 2], "num_res_blocks": 2}
OTHER |= {"temperal_downsample": [True]}
SMALL = {"time": 2, "space": 2, "channels": 2}  # the latents of the other


def clip(frames, side=16, batch=2):
    """uint8 videos (B, T, side, side + 8, 3)."""
    shape = (batch, frames, side, side + 8, 3)
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def jitted(f):
    return jax.jit(f, compiler_options=compiler_options("init"))


# --- diffusers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("settings", "more"), [(TINY, {"channels": 3}), (OTHER, SMALL)])
def test_wan_is_diffusers_one(tmp_path, settings, more):
    zeros = {"latents_mean": [0.0] * settings["z_dim"], "latents_std": [1.0] * settings["z_dim"]}
    theirs, torch = random_diffusers("AutoencoderKLWan", tmp_path, **settings | zeros)
    videos, config = clip(9), ConfigDict({"name": "wan", "dir": str(tmp_path)} | more)
    with torch.no_grad():
        mean = theirs.encode(torch.from_numpy(first(to_float(videos)).copy())).latent_dist.mean
        x = theirs.decode(mean).sample.numpy()
    assert 0.1 < np.abs(x).mean() < 0.9  # neither grey nor all clamped
    z = load_autoencoder(config).encode(videos)
    assert (z.shape[1:], z.dtype) == (latent_shape(config, 9, 16, 24), np.float32)
    np.testing.assert_allclose(first(z), mean.numpy(), **CLOSE)
    graph, params = published.from_stored("wan", *published.read_stored("wan", str(tmp_path)))
    decoded = jitted(lambda params, z: nnx.merge(graph, params).decode(z)[0])(params, z)
    np.testing.assert_allclose(first(decoded), x, **CLOSE)


# --- chunks -------------------------------------------------------------------------------------


@functools.cache
def small():
    """The other's graph and random weights, of which videos come out neither grey nor clamped."""
    config = WanConfig(2, 4, 6, (1, 2), 2, (True,))
    weights = random_stored(lambda: AutoencoderKLWan(config, rngs=nnx.Rngs(0)))
    return published.from_stored("wan", weights, vars(config))


@functools.cache
def coder(name):
    """`encode` or `decode` of floats, with what is kept, as one program for each shape."""
    graph, params = small()
    step = jitted(lambda params, kept, x: getattr(nnx.merge(graph, params), name)(x, kept)[::-1])
    return functools.partial(step, params)


def by_parts(step, x, sizes):
    """Chunks of these sizes, one after another."""
    kept, out, start = None, [], 0
    for size in sizes:
        kept, y = step(kept, x[:, start : start + size])
        out, start = [*out, y], start + size
    assert start == x.shape[1]
    return np.concatenate(out, axis=1)


def test_chunks_of_any_length_are_the_whole():
    encode, decode, videos = coder("encode"), coder("decode"), clip(9, side=8, batch=1)
    x = to_float(videos)
    z = encode(None, x)[1]
    assert z.shape == (1, 5, 4, 8, 2)
    np.testing.assert_allclose(by_parts(encode, x, (1, 2, 2, 4)), z, rtol=0, atol=1e-5)
    np.testing.assert_allclose(by_parts(encode, x, (5, 4)), z, rtol=0, atol=1e-5)
    np.testing.assert_allclose(encode_in_chunks(*small(), videos, 2), z, rtol=0, atol=1e-5)
    y = decode(None, z)[1]
    assert 0.1 < np.abs(y).mean() < 0.9
    np.testing.assert_allclose(by_parts(decode, z, (1, 1, 3)), y, rtol=0, atol=1e-5)
    pixels = np.asarray(decode_in_chunks(*small(), z, 1)).astype(int)
    assert np.abs(pixels - to_uint8(np.asarray(y))).max() <= 1


def test_the_future_is_not_seen():
    """The first latent is the picture's, a prefix's latents are those of the whole."""
    encode, decode, x = coder("encode"), coder("decode"), to_float(clip(9, side=8, batch=1))
    z = encode(None, x)[1]
    for frames in (1, 5):
        prefix = encode(None, x[:, :frames])[1]
        np.testing.assert_allclose(prefix, z[:, : prefix.shape[1]], rtol=0, atol=1e-5)
        decoded = decode(None, prefix)[1]
        np.testing.assert_allclose(decoded, decode(None, z)[1][:, :frames], rtol=0, atol=1e-5)


# --- refusals -----------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    """The other's weights and settings, as diffusers names them."""
    return saved(tmp_path / "wan")


def saved(folder, settings=OTHER, **changes):
    """Its folder; a change of None takes a weight away."""
    from vdit.autoencoders.layout import to_stored

    folder.mkdir(exist_ok=True)
    weights = {k: v for k, v in (to_stored(small()[1]) | changes).items() if v is not None}
    np.savez(folder / "weights.npz", **weights)
    (folder / "config.json").write_text(json.dumps({"_class_name": "AutoencoderKLWan"} | settings))
    return folder


def refused(folder, name="wan", **more):
    with pytest.raises(InputError) as caught:
        load_autoencoder(ConfigDict({"name": name, "dir": str(folder)} | more))
    return str(caught.value)


def test_videos_that_would_be_cut_are_refused(folder):
    config = ConfigDict({"name": "wan", "dir": str(folder)})
    assert latent_shape(config, 81, 480, 832) == (21, 60, 104, 16)
    for args, message in (((8, 64, 64), "8 frames: .* multiple of 4"), ((9, 60, 64), "60x64: .*8")):
        with pytest.raises(InputError, match=message):
            latent_shape(config, *args)
    model = load_autoencoder(ConfigDict(config.to_dict() | SMALL))
    with pytest.raises(InputError, match=r"8 frames: expected 1 \+ a multiple of 2"):
        model.encode(clip(8))
    with pytest.raises(InputError, match="frames of 15x23: expected multiples of 2"):
        model.encode(clip(9, side=15))


def test_weights_of_another_autoencoder_are_named(tmp_path):
    bias = "decoder.conv_in.bias"
    lacking = refused(saved(tmp_path / "wan", **{bias: None, "extra": np.zeros(1)}), **SMALL)
    assert lacking == f"the autoencoder's weights lack {bias} and have unknown extra"
    assert "encoder.conv_in.weight: none: expected five" in refused(
        saved(tmp_path / "wan", **{"encoder.conv_in.weight": None})
    )
    assert "time=2, space=2, channels=2: the config says time=4, space=8, channels=16" in refused(
        saved(tmp_path / "wan")
    )
    wrong = "weights of another autoencoder, AutoencoderKL"
    assert f"{wrong}Wan: expected AutoencoderKL, as" in refused(tmp_path / "wan", "kl")
    folder = saved(tmp_path / "wan", OTHER | {"_class_name": "AutoencoderKL"})
    assert f"{wrong}: expected AutoencoderKLWan" in refused(folder)
    folder = saved(tmp_path / "wan", OTHER | {"is_residual": True})
    assert f"{wrong}Wan with is_residual=True: expected AutoencoderKLWan" in refused(folder)


def test_settings_that_make_no_model_are_named(tmp_path):
    folder = saved(tmp_path / "wan", OTHER | {"temperal_downsample": [True, True]})
    assert refused(folder) == (
        "temperal_downsample has 2 values: expected 1, one less than dim_mult"
    )
    folder = saved(tmp_path / "wan", OTHER | {"dim_mult": 2})
    assert refused(folder) == "wan's multiples=2: expected a list"


# --- a run --------------------------------------------------------------------------------------


def test_a_run_on_its_latents_stands_alone(tmp_path, folder):
    few = {"steps": 2, "batch": 4, "data.train_clips": 8, "data.validation_clips": 8}
    made = tiny.config(tmp_path, **few | {"validation.triples": 10})
    made.autoencoder = ConfigDict({"name": "wan", "dir": str(folder)} | SMALL)
    row = tiny.trained(made, tmp_path / "run")
    assert row["autoencoder"] == "wan"
    shutil.rmtree(folder)
    model = vdit.load(tmp_path / "run")
    assert model.config.latent == (2, 8, 8, 2)
    videos = model.sample(["a red circle"], seed=0, steps=1)
    assert (videos.shape, videos.dtype) == ((1, 3, 16, 16, 3), np.uint8)
