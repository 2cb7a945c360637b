"""Published image autoencoders: TAEF2's oracle, diffusers' AutoencoderKL, videos, errors."""

import functools
import json

import jax
import numpy as np
import pytest
from flax import nnx
from ml_collections import ConfigDict

from tests.paths import reference
from tests.random_weights import first, random_diffusers, random_stored
from vdit.autoencoders import published
from vdit.autoencoders.kl import AutoencoderKL, KLConfig
from vdit.autoencoders.load import load_autoencoder
from vdit.config.sizes import latent_shape
from vdit.errors import InputError
from vdit.parallel.compiler import compiler_options


def coded(name, path):
    """encode, decode of floats, the weights given to the programs (constants compile slowly)."""
    graph, state = published.from_stored(name, *published.read_stored(name, str(path)))
    jit = functools.partial(jax.jit, compiler_options=compiler_options("init"))
    encode = jit(lambda state, x: nnx.merge(graph, state).encode(x))
    decode = jit(lambda state, z: nnx.merge(graph, state).decode(z))
    return lambda x: encode(state, x), lambda z: decode(state, z)


# --- TAEF2 --------------------------------------------------------------------------------------


def oracle():
    with np.load(reference("taef2") / "oracle_f32_cpu.npz") as file:
        return dict(file)


def test_taef2_is_its_oracle():
    encode, decode = coded("taef2", reference("taef2"))
    expected = oracle()
    z, y = expected["latent_nchw"], expected["recon_nchw_unclamped"]
    x = expected["image_u8_nhwc"].astype(np.float32) / 127.5 - 1
    np.testing.assert_allclose(first(encode(x)), z, rtol=0, atol=1e-3)
    decoded = first(decode(np.moveaxis(z, 1, -1)))
    np.testing.assert_allclose((decoded + 1) / 2, y, rtol=0, atol=1e-3)


# --- AutoencoderKL ------------------------------------------------------------------------------

TINY = {"block_out_channels": (8, 16), "layers_per_block": 2, "norm_num_groups": 4}
TINY |= {"down_block_types": ("DownEncoderBlock2D",) * 2, "latent_channels": 3}
TINY |= {"up_block_types": ("UpDecoderBlock2D",) * 2, "scaling_factor": 0.25, "shift_factor": 0.5}
OTHER = {
    "use_quant_conv": False,
    "use_post_quant_conv": False,
    "mid_block_add_attention": False,
    "block_out_channels": (4, 8, 8),
    "layers_per_block": 1,
    "down_block_types": ("DownEncoderBlock2D", "AttnDownEncoderBlock2D", "DownEncoderBlock2D"),
    "up_block_types": ("UpDecoderBlock2D", "AttnUpDecoderBlock2D", "UpDecoderBlock2D"),
}


@pytest.mark.parametrize(("changes", "space"), [({}, 2), (OTHER, 4)], ids=["kl", "other"])
def test_kl_is_diffusers_one(tmp_path, changes, space):
    theirs, torch = random_diffusers("AutoencoderKL", tmp_path, **TINY | changes)
    encode, decode = coded("kl", tmp_path)
    x = np.random.default_rng(0).uniform(-1, 1, (2, 16, 24, 3)).astype(np.float32)
    with torch.no_grad():
        mean = theirs.encode(torch.from_numpy(first(x).copy())).latent_dist.mean
        y = theirs.decode(mean).sample.numpy()
    z = encode(x)
    assert z.shape == (2, 16 // space, 24 // space, 3)
    np.testing.assert_allclose(first(z) / 0.25 + 0.5, mean.numpy(), rtol=0, atol=1e-4)
    np.testing.assert_allclose(first(decode(z)), y, rtol=0, atol=1e-4)


# --- the autoencoder ----------------------------------------------------------------------------


def test_taef2_codes_videos_frame_by_frame():
    config = ConfigDict({"name": "taef2", "dir": str(reference("taef2"))})
    autoencoder = load_autoencoder(config)
    assert (autoencoder.name, len(autoencoder.fingerprint)) == ("taef2", 12)
    assert latent_shape(config, 9, 128, 128) == (9, 16, 16, 32)
    images = oracle()["image_u8_nhwc"]
    clips = np.stack([images, images[::-1]])  # (2, 2, H, W, 3)
    z = autoencoder.encode(clips)
    assert (z.shape, z.dtype) == ((2, 2, 16, 16, 32), np.float32)
    np.testing.assert_allclose(first(z[0]), oracle()["latent_nchw"], rtol=0, atol=1e-3)
    np.testing.assert_array_equal(z[1], z[0, ::-1])
    decoded = autoencoder.decode(z)
    assert (decoded.shape, decoded.dtype) == (clips.shape, np.uint8)
    expected = (oracle()["recon_nchw_unclamped"].clip(0, 1) * 255).round()
    assert np.abs(first(decoded[0]) - expected).max() <= 1
    first_frames = [{"video": clip} for clip in clips]
    error = np.square(decoded[:, :1].astype(float) - clips[:, :1]).mean()
    assert autoencoder.psnr(first_frames) == pytest.approx(10 * np.log10(255**2 / error), abs=0.01)
    with pytest.raises(InputError, match=r"space=8, channels=32: the config says .*channels=16"):
        load_autoencoder(ConfigDict(config.to_dict() | {"channels": 16}))


# --- errors -------------------------------------------------------------------------------------


SMALL = KLConfig(2, (4, 8), 1, (False, False, True), groups=4)


@functools.cache
def random_kl(kl: KLConfig) -> dict:
    """Random weights of an AutoencoderKL under diffusers' names."""
    return random_stored(lambda: AutoencoderKL(kl, rngs=nnx.Rngs(0)))


def test_errors_list_names_and_shapes(tmp_path):
    weights, path = random_kl(SMALL), tmp_path / "kl.npz"
    (tmp_path / "config.json").write_text(json.dumps({"norm_num_groups": 4}))

    def said(**changes):
        changed = weights | changes
        np.savez(path, **{k: v for k, v in changed.items() if v is not None})
        with pytest.raises(InputError) as caught:
            coded("kl", path)
        return str(caught.value)

    bias, kernel = "decoder.conv_in.bias", "decoder.conv_in.weight"
    message = said(**{bias: None, "extra.weight": np.zeros(1)})
    assert message == f"the autoencoder's weights lack {bias} and have unknown extra.weight"
    message = said(**{kernel: np.zeros((8, 2, 1, 1))})
    assert message == f"{kernel}: shape (8, 2, 1, 1): expected (8, 2, 3, 3)"
    assert "encoder.conv_out.weight: expected a convolution; found nothing" in said(
        **{"encoder.conv_out.weight": None}
    )
    (tmp_path / "config.json").unlink()
    assert said() == "norm_num_groups=32 does not divide the width 4"
    (tmp_path / "config.json").write_text("[")
    assert "config.json: not the JSON of a model's settings" in said()


def test_the_names_of_2022_are_known(tmp_path):
    weights = random_kl(SMALL)
    (tmp_path / "config.json").write_text(json.dumps({"norm_num_groups": 4}))
    np.savez(tmp_path / "now.npz", **weights)
    then = {v: k for k, v in published.NAMES_OF_2022.items()}

    def former(name):
        for now, old in then.items():
            name = name.replace(f"attentions.0.{now}.", f"attentions.0.{old}.")
        return name

    renamed = {former(k): v for k, v in weights.items()}
    assert renamed.keys() != weights.keys()
    np.savez(tmp_path / "then.npz", **renamed)
    both = [published.read_stored("kl", str(tmp_path / f"{x}.npz"))[0] for x in ("now", "then")]
    assert both[0].keys() == both[1].keys()
    for name, array in both[0].items():
        np.testing.assert_array_equal(both[1][name], array)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(InputError, match="expected one file of its weights; found none"):
        published.fingerprint("kl", str(tmp_path / "nope.npz"))
    np.savez(tmp_path / "taef2_encoder.npz", x=np.zeros(1))
    with pytest.raises(InputError, match="expected one file of its decoder; found none"):
        published.fingerprint("taef2", str(tmp_path))


def test_the_fingerprint_is_of_the_content(tmp_path):
    def of(value, settings=None):
        np.savez(tmp_path / "kl.npz", x=np.full(3, value))
        (tmp_path / "config.json").write_text(json.dumps(settings))
        return published.fingerprint("kl", str(tmp_path))

    assert of(1.0) == of(1.0)
    assert len({of(1.0), of(2.0), of(1.0, {"scaling_factor": 0.3})}) == 3
