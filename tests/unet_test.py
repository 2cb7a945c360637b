"""The space-time U-Net: what it must do by construction, and its parts against PyTorch's."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from tests.dit_test import inputs
from vdit.config import unet
from vdit.config.model_config import ModelConfig, checked
from vdit.errors import InputError
from vdit.models import dit, unet3d
from vdit.parallel.compiler import compiler_options
from vdit.training.diffusion_loss import Init

CONFIG = ModelConfig(
    (3, 4, 4, 2), (1, 1, 1), 8, 1, 2, frequencies=8, vocabulary=9, text_length=3, attention="unet"
)


ONE_LEVEL = dataclasses.replace(
    CONFIG, latent=(2, 3, 3, 2), condition="none", text_length=1, learn_sigma=True
)
QUICK = compiler_options("init")


def split(config):
    return jax.eval_shape(lambda: nnx.split(dit.create(config, jax.random.key(0))))


@functools.cache
def compiled(config=CONFIG):
    """(weights, program) of a model none of whose weights is zero."""
    graph, abstract = split(config)
    rng = np.random.default_rng(1)
    weights = jax.tree.map(lambda w: 0.3 * rng.standard_normal(w.shape, np.float32), abstract)
    run = lambda weights, *inputs: nnx.merge(graph, weights)(*inputs)  # noqa: E731
    return weights, jax.jit(run, compiler_options=QUICK)


def model(*args, config=CONFIG):
    weights, run = compiled(config)
    return run(weights, *args)


def change(config, latent):
    return dataclasses.replace(config, latent=latent)


def test_every_position_sees_every_other():
    x, t, caption = inputs(CONFIG)
    moved = model(x.at[:, 0, 0, 0].add(1.0), t, caption) - model(x, t, caption)
    assert (jnp.abs(moved).max((0, -1)) > 1e-6).all()


@pytest.mark.parametrize("changed", [0, 1, 2])
def test_every_input_matters(changed):
    args = list(inputs(CONFIG))
    before = model(*args)
    args[changed] = [args[0] + 0.1, args[1] + 0.1, (args[2] + 1) % CONFIG.vocabulary][changed]
    assert float(jnp.abs(model(*args) - before).max()) > 1e-3


def test_only_temporal_attention_joins_the_frames_of_a_clip():
    def cut(path, w):
        names = [str(key) for key in path]
        return w * 0 if "['time']" in names and "['out']" in names else w

    weights, run = compiled()
    apart = jax.tree_util.tree_map_with_path(cut, weights)
    x, t, caption = inputs(CONFIG)
    moved = run(apart, x.at[:, 1].add(1.0), t, caption) - run(apart, x, t, caption)
    assert float(jnp.abs(moved[:, 1]).min()) > 0
    assert (moved[:, [0, 2]] == 0).all()


@pytest.mark.parametrize("latent", [(1, 4, 4, 2), (5, 6, 8, 2)])
def test_one_set_of_weights_serves_any_number_of_frames_and_any_frame(latent):
    y = model(*inputs(change(CONFIG, latent)))
    assert y.shape == (2, *latent)
    assert y.dtype == jnp.float32
    assert bool(jnp.isfinite(y).all())


def test_a_frame_may_have_a_timestep_of_its_own():
    x, t, caption = inputs(CONFIG)
    t_BT = jnp.broadcast_to(t[:, None], x.shape[:2])
    np.testing.assert_allclose(model(x, t_BT, caption), model(x, t, caption), atol=1e-5)
    moved = model(x, t_BT.at[:, 0].set(0.0), caption) - model(x, t, caption)
    change_of_frame = jnp.abs(moved).max((0, 2, 3, 4))
    assert change_of_frame.argmax() == 0
    assert (change_of_frame > 1e-5).all()
    with pytest.raises(InputError, match="2 timesteps a clip: expected 1 or 3"):
        model(x, t_BT[:, :2], caption)


def test_its_timesteps_have_the_period_that_is_asked_for():
    model = nnx.merge(*split(dataclasses.replace(CONFIG, max_period=100.0)))
    assert model.noise_level.max_period == 100.0


def test_what_it_cannot_take_is_named():
    x, t, caption = inputs(change(CONFIG, (3, 4, 5, 2)))
    with pytest.raises(InputError, match="W = 5 patches: a U-Net of 2 levels takes multiples of 2"):
        model(x, t, caption)
    with pytest.raises(InputError, match=r"model\.positions='sincos': the U-Net's are rotary"):
        checked(dataclasses.replace(CONFIG, positions="sincos"))


@pytest.mark.parametrize("condition", ["class", "label", "none"])
def test_other_conditions_with_a_learned_variance(condition):
    config = dataclasses.replace(ONE_LEVEL, condition=condition)
    x, t, caption = inputs(config)
    y = model(x, t, caption, config=config)
    assert y.shape == (*x.shape[:-1], 2 * x.shape[-1])
    moved = model(x, t, caption + 1, config=config) - y
    assert bool((moved != 0).any()) == (condition != "none")


def test_rematerialised_and_halved_in_precision():
    args = inputs(ONE_LEVEL)
    expected = model(*args, config=ONE_LEVEL)
    assert float(jnp.abs(expected).mean()) > 0.1
    remat = dataclasses.replace(ONE_LEVEL, remat="full")
    np.testing.assert_allclose(model(*args, config=remat), expected, rtol=1e-4, atol=1e-4)
    half = model(*args, config=dataclasses.replace(ONE_LEVEL, dtype="bfloat16"))
    assert float(jnp.abs(half - expected).max()) < 0.1 * float(jnp.abs(expected).max())


@pytest.mark.parametrize(
    ("side", "count"), [(1, 1), (2, 1), (3, 1), (4, 2), (6, 2), (8, 3), (12, 3), (16, 4), (64, 4)]
)
def test_levels_halve_as_long_as_two_patches_are_left(side, count):
    config = change(CONFIG, (3, side, side, 2))
    assert unet.levels(config) == count
    unet.check_grid(config.grid, count)


def test_downsampling_and_upsampling():
    x = jnp.arange(16.0).reshape(1, 1, 4, 4, 1)
    np.testing.assert_array_equal(unet3d.downsampled(x)[0, 0, :, :, 0], [[2.5, 4.5], [10.5, 12.5]])
    np.testing.assert_array_equal(unet3d.downsampled(unet3d.upsampled(x)), x)


def test_a_resnet_block_is_what_pytorch_computes():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    with nnx.use_eager_sharding(False):
        make = lambda: nnx.split(unet3d.ResNet(8, 12, CONFIG, rngs=nnx.Rngs(0)))  # noqa: E731
        graph, abstract = jax.eval_shape(make)
    weights = jax.tree.map(lambda w: 0.5 * rng.standard_normal(w.shape, np.float32), abstract)
    block = nnx.merge(graph, weights)
    x = rng.standard_normal((2, 3, 4, 5, 8), np.float32)
    c = rng.standard_normal((2, 3, 8), np.float32)

    def tensor(w):
        return torch.from_numpy(np.array(w[...]))

    def convolved(layer, x):
        kernel = tensor(layer.conv.kernel).permute(3, 2, 0, 1)
        return torch.conv2d(x, kernel, tensor(layer.conv.bias), padding=1)

    def dense(layer, x):
        return x @ tensor(layer.kernel) + tensor(layer.bias)

    F = torch.nn.functional
    frames = torch.from_numpy(x).reshape(6, 4, 5, 8).permute(0, 3, 1, 2)
    norm = tensor(block.norm.scale), tensor(block.norm.bias)
    h = convolved(block.inward, F.silu(F.group_norm(frames, 2, *norm, eps=1e-6)))
    shift, scale = dense(block.modulation, torch.from_numpy(c).reshape(6, 8)).chunk(2, -1)
    h = F.group_norm(h, 3, eps=1e-6) * (1 + scale[..., None, None]) + shift[..., None, None]
    skip = dense(block.skip, frames.permute(0, 2, 3, 1))
    expected = skip + convolved(block.outward, F.silu(h)).permute(0, 2, 3, 1)
    got = block(jnp.asarray(x), jnp.asarray(c)).reshape(6, 4, 5, 12)
    np.testing.assert_allclose(got, expected.numpy(), rtol=1e-4, atol=1e-4)


def test_it_starts_at_zero_and_learns():
    config = dataclasses.replace(ONE_LEVEL, width=16, learn_sigma=False)
    graph, init = split(config)[0], jax.jit(Init(config), compiler_options=QUICK)
    weights = init(jax.random.key(0))
    x, _, caption = inputs(config, 8)
    noise, t = jax.random.normal(jax.random.key(1), x.shape), jnp.linspace(0.05, 0.95, 8)
    mixed, target = x + t[:, None, None, None, None] * (noise - x), noise - x
    adam = optax.adam(1e-2)

    @functools.partial(jax.jit, compiler_options=QUICK)
    def step(weights, state):
        def loss(weights):
            return jnp.mean(jnp.square(nnx.merge(graph, weights)(mixed, t, caption) - target))

        value, gradient = jax.value_and_grad(loss)(weights)
        updates, state = adam.update(gradient, state)
        return optax.apply_updates(weights, updates), state, value

    state, losses = adam.init(weights), []
    for _ in range(60):
        weights, state, value = step(weights, state)
        losses.append(float(value))
    assert losses[0] == pytest.approx(float(jnp.mean(jnp.square(target))), rel=1e-5)
    assert losses[-1] < 0.5 * losses[0]


def test_blocks_start_as_the_identity():
    with nnx.use_eager_sharding(False):
        block = unet3d.Block(8, 8, ONE_LEVEL, rngs=nnx.Rngs(0))
    leaves = jax.tree_util.tree_leaves_with_path(nnx.state(block))
    names = ("'outward'", "'out'")
    last = [w for path, w in leaves if any(name in jax.tree_util.keystr(path) for name in names)]
    assert len(last) == 6
    assert all((w == 0).all() for w in last)
