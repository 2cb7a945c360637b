"""The causal autoencoder: shapes, causality, learning, errors."""

import itertools
import types

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from experiments import autoencoder, long
from tests.paths import ROOT
from vdit.autoencoders import causal, pixels
from vdit.autoencoders.load import load_autoencoder
from vdit.data.sources import open_source
from vdit.data.worlds import Worlds
from vdit.errors import InputError
from vdit.models import causal_conv
from vdit.parallel import sharding
from vdit.runs import checkpoint
from vdit.runs.folder import read_config
from vdit.runs.weights import hash_of
from vdit.training.autoencoder_task import AutoencoderTask

BASE = {"space": 4, "time": 4, "channels": 4, "width": 16, "depth": 2}

LATENT = (2, 3, 4, 4, 4)  # of `video()`


def build(**changes):
    config = types.SimpleNamespace(**(BASE | changes))
    return causal.CausalAutoencoder(config, rngs=nnx.Rngs(0))


def random_model(**changes):
    """The zeros at the start of blocks and pixels would hide the paths through them."""
    graph, state = nnx.split(nnx.eval_shape(lambda: build(**changes)))
    rng = np.random.default_rng(1)
    state = jax.tree.map(lambda x: 0.2 * rng.standard_normal(x.shape, np.float32), state)
    return nnx.merge(graph, state)


def video(frames=9, size=16, batch=2):
    rng = np.random.default_rng(2)
    return jnp.asarray(rng.uniform(-1, 1, (batch, frames, size, size, 3)), jnp.float32)


@pytest.mark.parametrize(("space", "time"), list(itertools.product((4, 8), (1, 2, 4))))
def test_shapes(space, time):
    model = random_model(space=space, time=time, channels=5)
    mean, logvar = jax.eval_shape(model.encode, video(9))
    assert mean.shape == logvar.shape == (2, 1 + 8 // time, 16 // space, 16 // space, 5)
    assert jax.eval_shape(model.decode, mean).shape == (2, 9, 16, 16, 3)


@pytest.mark.parametrize("time", [1, 2, 4])
def test_the_past_does_not_see_the_future(time):
    model = random_model(time=time)
    encode, decode = jax.jit(model.encode), jax.jit(model.decode)
    mean, logvar = encode(video(9))
    y = decode(mean)
    for frames in (1, 5):
        t = 1 + (frames - 1) // time
        part_mean, part_logvar = encode(video(9)[:, :frames])
        np.testing.assert_allclose(part_mean, mean[:, :t], atol=1e-5)
        np.testing.assert_allclose(part_logvar, logvar[:, :t], atol=1e-5)
        np.testing.assert_allclose(decode(mean[:, :t]), y[:, :frames], atol=1e-5)


def test_the_future_sees_the_past():
    model = random_model()
    encode, decode = jax.jit(model.encode), jax.jit(model.decode)
    x = video(9)
    mean, mean_other = encode(x)[0], encode(x.at[:, 0].set(-x[:, 0]))[0]
    assert np.abs(mean[:, 1] - mean_other[:, 1]).max() > 1e-3
    y, y_other = decode(mean), decode(mean.at[:, 0].add(1.0))
    assert np.abs(y[:, 1:5] - y_other[:, 1:5]).max() > 1e-3


def test_an_image_is_a_video_of_one_frame():
    model = random_model()

    def code(image):
        mean, _ = model.encode(image)
        return jnp.square(model.decode(mean) - image).mean(), (mean, model.decode(mean))

    gradient, (mean, y) = jax.jit(jax.grad(code, has_aux=True))(video(1))
    assert mean.shape == (2, 1, 4, 4, 4)
    assert y.shape == (2, 1, 16, 16, 3)
    assert np.abs(gradient).max() > 0


def test_patches_keep_neighbours_together():
    x = video(8, size=8)
    vectors = causal_conv.patchify(x, 4, 4)
    np.testing.assert_array_equal(vectors[1, 1, 0, 1].reshape(4, 4, 4, 3), x[1, 4:, :4, 4:])
    np.testing.assert_array_equal(causal_conv.unpatchify(vectors, 4, 4), x)


def test_the_causal_convolution_is_the_three_dimensional_one():
    with nnx.use_eager_sharding(False):
        layer = causal_conv.CausalConv(3, 5, taps=2, rngs=nnx.Rngs(0))
    x = video(4, size=6)
    kernel = layer.conv.kernel[...].reshape(3, 3, 2, 3, 5).transpose(2, 0, 1, 3, 4)
    expected = jax.lax.conv_general_dilated(
        x,
        kernel,
        (1, 1, 1),
        [(1, 0), (1, 1), (1, 1)],
        dimension_numbers=("NTHWC", "THWIO", "NTHWC"),
    )
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)


def test_gradient_reaches_every_weight():
    graph, state = nnx.split(random_model())

    def total(state):
        noise = jax.random.normal(jax.random.key(0), LATENT)
        return causal.loss(nnx.merge(graph, state), video(), noise, 0.1)

    (value, metrics), gradient = jax.jit(jax.value_and_grad(total, has_aux=True))(state)
    assert float(value) == pytest.approx(float(metrics["mse"] + 0.1 * metrics["kl"]), rel=1e-5)
    for path, leaf in jax.tree.leaves_with_path(gradient):
        assert np.abs(leaf).max() > 0, path


def test_kl_of_known_gaussians():
    class Known:
        def encode(self, x):
            return jnp.full_like(x, 3.0), jnp.full_like(x, np.log(0.25))

        def decode(self, z):
            return z

    _, metrics = causal.loss(Known(), video(), 0.0, 1.0)
    # KL(N(m, v) || N(0, 1)) = (m^2 + v - 1 - log v) / 2
    assert float(metrics["kl"]) == pytest.approx((9 + 0.25 - 1 - np.log(0.25)) / 2, rel=1e-5)


def test_weights_carry_axis_names_the_mesh_knows():
    state = nnx.state(random_model())
    placed = sharding.tree_sharding(state, sharding.make_mesh({"data": -1}))
    assert len(jax.tree.leaves(placed)) == len(jax.tree.leaves(state))
    kernel = state["decoder"][0]["conv"]["conv"]["kernel"]
    assert kernel.get_metadata()["out_sharding"] == (None, None, "embed", "mlp")


def test_a_short_training_codes_the_objects():
    clips = Worlds(8, height=16, width=16, max_objects=1)
    x = np.stack([clips[i]["video"] for i in range(8)]).astype(np.float32) / 127.5 - 1
    graph, state = nnx.split(build(width=32, depth=1))
    optimizer = optax.adam(optax.cosine_decay_schedule(2e-2, 200))

    @jax.jit
    def step(state, memory, key):
        noise = jax.random.normal(key, (8, *LATENT[1:]))

        def total(state):
            return causal.loss(nnx.merge(graph, state), x, noise, 1e-5)

        (_, metrics), gradient = jax.value_and_grad(total, has_aux=True)(state)
        updates, memory = optimizer.update(gradient, memory)
        return optax.apply_updates(state, updates), memory, metrics["mse"]

    memory = optimizer.init(state)
    for i in range(200):
        state, memory, mse = step(state, memory, jax.random.fold_in(jax.random.key(3), i))
    # Who knows the background alone is at the floor: only coded objects lead above it.
    floor = jnp.mean(jnp.square(x - x[:, :, :1, :1]))
    assert 10 * np.log10(floor / mse) > 3  # dB


def test_psnr_of_known_errors():
    x = np.full((1, 1, 2, 2, 3), 100, np.uint8)
    assert pixels.psnr(x, x + 51) == pytest.approx(20 * np.log10(5))
    assert pixels.psnr(x + 51, x) == pytest.approx(20 * np.log10(5))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 8, 16, 16, 3), "8 frames: expected 1 \\+ a multiple of 4"),
        ((1, 0, 16, 16, 3), "0 frames"),
        ((1, 9, 18, 16, 3), "18x16: expected multiples of 4"),
        ((1, 9, 16, 18, 3), "16x18: expected multiples of 4"),
        ((1, 9, 16, 16, 1), "1 colour channels: expected 3"),
    ],
)
def test_wrong_videos_are_named(shape, message):
    model = random_model()
    with pytest.raises(InputError, match=message):
        model.encode(jnp.zeros(shape))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"space": 5}, "autoencoder.space=5: expected one of \\(4, 8\\)"),
        ({"time": 3}, "autoencoder.time=3: expected one of \\(1, 2, 4\\)"),
        ({"channels": 0}, "autoencoder.channels=0"),
        ({"depth": 0}, "autoencoder.depth=0"),
    ],
)
def test_wrong_configs_are_named(changes, message):
    with pytest.raises(InputError, match=message):
        build(**changes)


def test_an_autoencoder_has_one_set_of_clips():
    made = autoencoder.get_config()
    made.data.epochs = 4
    with pytest.raises(InputError, match=r"data\.epochs=4: expected 0"):
        AutoencoderTask(made)


def test_the_one_of_the_long_curve_is_whole(monkeypatch):
    """It is kept with the results: trained again elsewhere, it would be another."""
    monkeypatch.chdir(ROOT)
    settings = long.get_config()
    settings.autoencoder.dir = run = "analysis/results/long/autoencoder"
    coder = load_autoencoder(settings.autoencoder)
    shapes = causal.Init.of(read_config(run).autoencoder).shapes()
    weights = checkpoint.read_weights(run, shapes)[1]["ema"]
    assert hash_of(weights) == coder.fingerprint == "0066762bd2ce"
    clips = open_source(settings.data, "validation")
    real = np.stack([clips[i]["video"] for i in range(16)])
    assert pixels.psnr(real, coder.decode(coder.encode(real))) == pytest.approx(31.5, abs=1)
