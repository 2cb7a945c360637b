"""Rectified flow and its samplers against what is known in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vdit.config.model_config import ModelConfig
from vdit.diffusion import flow, samplers
from vdit.training.diffusion_loss import DiffusionLoss


def uniform():
    return jax.random.uniform(jax.random.key(0), (4096,))


def test_ends_of_the_path_are_data_and_noise():
    x, noise = jnp.ones((2, 3)), -jnp.ones((2, 3))
    assert (flow.interpolate(x, noise, jnp.zeros(2)) == x).all()
    assert (flow.interpolate(x, noise, jnp.ones(2)) == noise).all()
    moved = flow.interpolate(x, noise, jnp.full(2, 0.5)) - x
    np.testing.assert_allclose(moved, 0.5 * flow.velocity(x, noise))


def test_timesteps_follow_the_logit_normal():
    t = flow.RectifiedFlow(0.5, 0.7).sample_timesteps(uniform())
    logit = np.log(t / (1 - t))
    assert logit.mean() == pytest.approx(0.5, abs=0.01)
    assert logit.std() == pytest.approx(0.7, abs=0.01)


def test_shift_is_the_published_map():
    assert flow.shifted(jnp.float32(0.5), 3.0) == pytest.approx(0.75)
    t = flow.RectifiedFlow(shift=3.0).sample_timesteps(uniform())
    assert np.median(t) == pytest.approx(0.75, abs=0.01)


def test_clips_of_more_patches_are_shifted_by_the_root_of_how_many_more():
    base = flow.RectifiedFlow(shift=2.0, shift_tokens=100)
    assert base.for_tokens(100) == base
    assert base.for_tokens(400).shift == 4.0
    assert base.for_tokens(400).for_tokens(100) == base
    assert flow.RectifiedFlow(shift=2.0).for_tokens(400).shift == 2.0


def test_training_draws_the_noise_levels_of_the_shape_that_it_sees():
    model = ModelConfig((2, 4, 4, 3), (1, 2, 2), 16, 1, 2, condition="none")  # of 8 patches
    batch = {"latent": jnp.zeros((8, 2, 8, 8, 3)), "caption": jnp.zeros((8, 1), jnp.int32)}
    plain, shifted = (
        DiffusionLoss(model, flow.RectifiedFlow(shift_tokens=tokens), 0.1) for tokens in (0, 8)
    )
    t, moved = (np.asarray(loss.draw(batch, jax.random.key(0))["t"]) for loss in (plain, shifted))
    np.testing.assert_allclose(moved, flow.shifted(t, 2.0), rtol=1e-5)


def test_fixed_timesteps_fill_every_tenth_alike():
    t = np.asarray(flow.fixed_timesteps(500))
    assert (np.bincount((t * 10).astype(int)) == 50).all()
    assert t.mean() == pytest.approx(0.5, abs=1e-3)
    assert len(np.unique((t[:10] * 10).astype(int))) >= 9  # neighbours lie far apart


def gaussian_velocity(x, t):
    """E[noise - data | x_t] for data ~ N(2, 0.5^2): the flow's exact velocity."""
    mean, var = 2.0, 0.25
    var_t = (1 - t) ** 2 * var + t**2
    return -mean + (t - (1 - t) * var) / var_t * (x - (1 - t) * mean)


@pytest.mark.parametrize(("method", "steps"), [("euler", 200), ("heun", 40)])
def test_samplers_carry_noise_to_the_data(method, steps):
    noise = jax.random.normal(jax.random.key(1), (20_000,))
    x = samplers.integrate(gaussian_velocity, noise, np.linspace(1, 0, steps + 1), method)
    assert x.mean() == pytest.approx(2.0, abs=0.01)
    assert x.std() == pytest.approx(0.5, abs=0.01)


def test_heun_is_of_second_order():
    noise = jnp.linspace(-2, 2, 9)
    exact = 2 + 0.5 * noise
    errors = {
        (m, n): float(abs(samplers.integrate(gaussian_velocity, noise, t, m) - exact).max())
        for m in ("euler", "heun")
        for n, t in ((20, np.linspace(1, 0, 21)), (40, np.linspace(1, 0, 41)))
    }
    assert errors["euler", 20] / errors["euler", 40] == pytest.approx(2, rel=0.15)
    assert errors["heun", 20] / errors["heun", 40] == pytest.approx(4, rel=0.25)
