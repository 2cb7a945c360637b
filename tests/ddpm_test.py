"""DDPM with learned variance against published code's numbers, and against itself backwards."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests import reference_models
from vdit.diffusion import (
    ddpm,
    gaussian_diffusion,
    gaussians,
    objectives,
    predictions,
    samplers,
    schedules,
)
from vdit.diffusion.guidance import Guidance, combine
from vdit.diffusion.noise_level import noised
from vdit.diffusion.objectives import Sampling
from vdit.errors import InputError
from vdit.pretrained import from_torch

CLOSE = {"rtol": 0, "atol": 1e-4}  # what the task asks of float32


def normal(*shape):
    """Numbers of a fixed draw, two arrays of `shape`."""
    return np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)


@pytest.fixture(scope="module", params=["dit", "latte"])
def published(request):
    return reference_models.load(request.param)


@pytest.fixture(scope="module")
def model(published):
    """Ours, of the published weights."""
    return from_torch(published.weights, published.config["kind"], published.config["num_heads"])


# --- the published models -----------------------------------------------------------------------


def test_the_oracle_of_other_tests_is_the_published_model(published):
    output = published.model(published["x"], published["t"], published["y"])
    np.testing.assert_allclose(output, published["model_output"], **CLOSE)


def test_guidance_of_the_published_codes(published):
    null = np.full_like(published["y"], published.config["num_classes"])
    outputs = [published.model(published["x"], published["t"], y) for y in (published["y"], null)]
    guidance = Guidance(4.0, channels=4 if published.latte else 3)
    guided = combine(*outputs, guidance, 4)
    np.testing.assert_allclose(guided, published["guided_output_scale4"], **CLOSE)


def test_chain_is_the_published_one(published):
    chain = schedules.linear()
    np.testing.assert_allclose(chain.alphas_cumprod, published["alphas_cumprod"], rtol=1e-12)
    level = gaussian_diffusion.noise_level(chain, published["t"])
    found = noised(published["x"], published["noise"], level)
    np.testing.assert_allclose(found, published["q_sample"], **CLOSE)
    respaced = schedules.respaced(chain, 10)
    assert (respaced.timesteps == published["respaced_timesteps_10"]).all()


def test_losses_are_the_published_ones(published, model):
    x, noise, t, y = (published[k] for k in ("x", "noise", "t", "y"))
    stored = {k: published[f"training_losses/{k}"] for k in ("mse", "vb", "loss")}
    output = model(published["q_sample"], t, y)
    parts = jax.jit(lambda out: ddpm.losses(schedules.linear(), "epsilon", out, x, noise, t))
    square, bound = parts(output)
    np.testing.assert_allclose(square, stored["mse"], **CLOSE)
    np.testing.assert_allclose(bound, stored["vb"], rtol=1e-5)
    whole = jax.jit(partial(ddpm.DDPM(unit=1.0).losses, model))
    np.testing.assert_allclose(whole(x, noise, (t + 0.5) / 1000, y), stored["loss"], **CLOSE)


def test_one_step_back_is_the_published_one(published, model):
    chain, x_t, i = schedules.respaced(schedules.linear(), 10), published["noise"], np.full(2, 5)
    output = model(x_t, chain.timesteps[i], published["y"])
    mean, log_variance = gaussian_diffusion.p_mean_variance(chain, "epsilon", output, x_t, i)
    np.testing.assert_allclose(mean, published["p_mean_variance_at_index5/mean"], **CLOSE)
    stored = published["p_mean_variance_at_index5/log_variance"]
    np.testing.assert_allclose(log_variance, stored, **CLOSE)


def test_ddim_samples_are_the_published_ones(published, model):
    """They are hundreds large: 1e-6 of the largest is a few units in float32's last place."""

    @jax.jit
    def sample(noise, y):
        objective = ddpm.DDPM(unit=1.0)
        return objectives.sample(objective, model, noise, y, Sampling("ddim", 10, Guidance()))

    wanted = published["ddim10_sample_from_noise"]
    found = sample(published["noise"], published["y"])
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6 * abs(wanted).max())


# --- chains -------------------------------------------------------------------------------------


def test_cosine_chain_follows_its_formula():
    chain = schedules.cosine(1000)
    t = np.arange(1001) / 1000
    wanted = np.cos((t + 0.008) / 1.008 * np.pi / 2) ** 2
    np.testing.assert_allclose(chain.alphas_cumprod[:-1], (wanted / wanted[0])[1:-1], rtol=1e-9)
    assert chain.betas[-1] == pytest.approx(0.999)


@pytest.mark.parametrize("steps", [2, 10, 21, 23, 50, 250, 1000])
def test_respaced_timesteps_are_the_published_ones(steps):
    timesteps, timestep = [], 0.0
    for _ in range(steps):
        timesteps.append(round(timestep))
        timestep += 999 / (steps - 1)
    assert schedules.respaced(schedules.linear(), steps).timesteps.tolist() == timesteps


def test_a_chain_respaced_to_itself_is_itself():
    chain = schedules.linear(100)
    again = schedules.respaced(chain, 100)
    np.testing.assert_allclose(again.betas, np.linspace(1e-3, 0.2, 100), rtol=1e-9)


def test_posterior_agrees_with_bayes():
    """q(x_{i-1} | x_i, x) from the two Gaussians of which it is the product."""
    chain, i = schedules.linear(100), 40
    a, beta = chain.alphas_cumprod, chain.betas
    precision = (1 - beta[i]) / beta[i] + 1 / (1 - a[i - 1])
    assert chain.posterior_variance[i] == pytest.approx(1 / precision)
    of_x, of_x_t = (c[i] for c in chain.posterior_mean_coefficients)
    assert of_x_t == pytest.approx(np.sqrt(1 - beta[i]) / beta[i] / precision)
    assert of_x == pytest.approx(np.sqrt(a[i - 1]) / (1 - a[i - 1]) / precision)


def test_wrong_chains_are_named():
    for make in (
        lambda: schedules.schedule("square"),
        lambda: schedules.schedule("linear", 15),
        lambda: schedules.respaced(schedules.linear(100), 101),
        lambda: ddpm.DDPM(predicts="score"),
    ):
        with pytest.raises(InputError, match="expected"):
            make()


# --- predictions and losses ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(predictions.TARGETS))
def test_predictions_are_turned_back(kind):
    x, noise = normal(3, 5)
    level = gaussian_diffusion.noise_level(schedules.linear(), np.array([100, 500, 800]))
    x_t = noised(x, noise, level)
    out = predictions.target(kind, x, noise, level)
    np.testing.assert_allclose(predictions.data_from(kind, out, x_t, level), x, atol=2e-5)


def hybrid_parts(output):
    x, noise = normal(2, 1, 2, 2, 3)
    return ddpm.losses(schedules.linear(), "v", output, x, noise, np.array([0, 700]))


def test_bound_trains_the_variance_alone():
    output = normal(2, 1, 2, 2, 6)[0]
    jacobian = jax.jit(jax.jacrev(lambda output: [part.sum() for part in hybrid_parts(output)]))
    of_square, of_bound = map(np.asarray, jacobian(output))
    assert (of_bound[..., :3] == 0).all()
    assert (of_bound[1, ..., 3:] != 0).all()
    assert (of_square[..., :3] != 0).all()
    assert (of_square[..., 3:] == 0).all()


def test_bound_is_zero_for_the_true_posterior():
    chain, i = schedules.linear(), np.array([300, 900])
    x, noise = normal(2, 4)
    output = jnp.concatenate([noise, -jnp.ones_like(noise)], -1)  # fraction 0: its variance
    square, bound = ddpm.losses(chain, "epsilon", output, x, noise, i)
    np.testing.assert_allclose(square, 0, atol=1e-9)
    np.testing.assert_allclose(bound, 0, atol=1e-6)


def test_bound_at_the_first_timestep_is_the_likelihood():
    """By hand for one number: x exactly denoised, variance that of timestep 1's posterior."""
    chain, x = schedules.linear(), jnp.full((1, 1), 0.25)
    output = jnp.array([[0.0, -1.0]])  # no noise, and none predicted; fraction 0
    _, bound = ddpm.losses(chain, "epsilon", output, x, jnp.zeros((1, 1)), np.array([0]))
    sd = np.sqrt(chain.posterior_variance[1])
    assert bound[0] == pytest.approx(-np.log2(math.erf(1 / 255 / sd / np.sqrt(2))), rel=1e-2)


def test_hybrid_weighs_a_sum_over_the_chain():
    assert ddpm.hybrid(schedules.linear(100), 1.0, 3.0) == pytest.approx(1 + 0.001 * 100 * 3)


def test_kl_and_bins_against_sums():
    z = np.linspace(-9, 9, 20_001)
    p, q = (np.exp(-((z - m) ** 2) / (2 * v)) / np.sqrt(2 * np.pi * v) for m, v in ((0, 1), (1, 2)))
    inside = p > 1e-12
    summed = (p * np.log(p / q, where=inside, out=np.zeros_like(p))).sum() * (z[1] - z[0])
    assert gaussians.normal_kl(0.0, 0.0, 1.0, np.log(2.0)) == pytest.approx(summed, rel=1e-3)
    bins = jnp.linspace(-1, 1, 256)
    likelihood = gaussians.discretized_log_likelihood(
        bins, jnp.float32(0.1), jnp.float32(np.log(0.09))
    )
    assert jnp.exp(likelihood).sum() == pytest.approx(1, abs=1e-4)


def test_without_learned_variance_there_is_no_bound():
    x, noise = normal(2, 1, 2, 2, 3)
    _, bound = ddpm.losses(schedules.linear(), "x", x, x, noise, np.array([0, 700]))
    assert (bound == 0).all()


def test_ancestral_coefficients_draw_from_the_model():
    """One step against p_mean_variance, at both ends of the variance's range and between."""
    chain, i = schedules.respaced(schedules.cosine(), 10), 6
    row = jax.tree.map(lambda a: a[9 - i], samplers.ancestral(chain.path(1.0)))
    x_t, x = normal(1, 3)
    mean = gaussian_diffusion.posterior_mean(chain, x, x_t, np.array([i]))
    np.testing.assert_allclose(row.x_t * x_t + row.data * x, mean, rtol=1e-5)
    for fraction in (0.0, 0.3, 1.0):
        wanted = gaussian_diffusion.log_variance(chain, jnp.full((1,), fraction), np.array([i]))
        assert 2 * np.log(row.noise * row.ratio**fraction) == pytest.approx(
            float(wanted[0]), abs=1e-5
        )
