"""Every objective samples, by the method that the config names, what its model knows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from tests.samplers_test import MEAN, PATHS, SD, denoise, normal
from vdit.diffusion import flow, objectives, samplers
from vdit.diffusion.flow import RectifiedFlow
from vdit.diffusion.guidance import Guidance
from vdit.diffusion.noise_level import NoiseLevel
from vdit.diffusion.objectives import Sampling
from vdit.diffusion.programs import noise_key
from vdit.errors import InputError
from vdit.generator.sampling import low_bits

CONFIG = {
    "objective": "flow",
    "flow": {"loc": 0.0, "scale": 1.0, "shift": 3.0},
    "ddpm": {"schedule": "cosine", "predicts": "v", "learned_variance": False},
    "edm": {"data": 0.5},
}


def exact_model(objective):
    """A model of Gaussian data for every objective: what it should say, from the denoiser."""

    def model(x, t_B, caption):
        t = t_B[0]
        if objective.name == "edm":
            sigma = jnp.exp(4 * t)
            scale = 1 / jnp.sqrt(sigma**2 + 0.25)
            x_t = x / scale
            data = denoise(x_t, NoiseLevel(t, 1.0, sigma))[0]
            return (data - 0.25 * scale**2 * x_t) / (sigma * 0.5 * scale)
        if objective.name == "flow":
            var_t = (1 - t) ** 2 * SD**2 + t**2
            return -MEAN + (t - (1 - t) * SD**2) / var_t * (x - (1 - t) * MEAN)
        chain = objective.chain
        i = jnp.rint(t * 1000).astype(int)
        alpha, sigma = (jnp.asarray(a, jnp.float32)[i] for a in (chain.alpha, chain.sigma))
        data = denoise(x, NoiseLevel(t, alpha, sigma))[0]
        return alpha * (x - alpha * data) / sigma - sigma * data

    return model


@pytest.mark.parametrize(
    ("name", "method"),
    [("flow", "heun"), ("flow", "dpm"), ("ddpm", "dpm"), ("edm", "heun"), ("edm", "dpm")],
)
def test_every_objective_samples_what_its_model_knows(name, method):
    config = ConfigDict(CONFIG | {"objective": name})
    objective = objectives.create(config)
    noise, caption = normal(2, 4096, 1)
    model = exact_model(objective)
    x = objectives.sample(objective, model, noise, caption, Sampling(method, 40, Guidance()))
    assert x.mean() == pytest.approx(MEAN, abs=0.03)
    assert x.std() == pytest.approx(SD, abs=0.03)


@pytest.mark.parametrize("method", ["euler", "heun"])
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_the_flow_is_integrated_by_the_plain_formulas(method, scale):
    """Of the velocity itself, bit by bit."""
    model = lambda x, t_B, caption: jnp.sin(x) * t_B[:, None] + caption  # noqa: E731
    noise, caption = normal(2, 8, 1)
    objective = RectifiedFlow(shift=3.0)
    how = Sampling(method, 6, Guidance(scale))
    found = objectives.sample(objective, model, noise, caption, how)

    def velocity(x, t):
        t_B = jnp.full(len(x), t)
        uncond, cond = model(x, t_B, 0 * caption), model(x, t_B, caption)
        return uncond + scale * (cond - uncond) if scale != 1 else cond

    t = flow.shifted(np.linspace(1, 0, 7), 3.0)
    assert (found == samplers.integrate(velocity, noise, t, method)).all()


@pytest.mark.parametrize(("name", "method"), [("flow", "euler"), ("ddpm", "ddim"), ("edm", "heun")])
def test_editing_starts_from_the_data_and_ends_near_it(name, method):
    """SDEdit: with little strength a datum stays; with all of it, it is forgotten."""
    objective = objectives.create(ConfigDict(CONFIG | {"objective": name}))
    noise, caption = normal(2, 4096, 1)
    model, data = exact_model(objective), jnp.full_like(noise, MEAN + 2 * SD)

    def moved(strength):
        how = Sampling(method, 40, Guidance(), strength)
        return float((objectives.sample(objective, model, noise, caption, how, None, data)).mean())

    little, half, whole = moved(0.1), moved(0.5), moved(1.0)
    assert whole == pytest.approx(MEAN, abs=0.03)
    assert MEAN + 0.03 < half < little
    assert little > MEAN + SD


@pytest.mark.parametrize("name", list(PATHS))
def test_timesteps_are_stratified_and_losses_finite(name):
    objective = PATHS[name]
    t_B = objective.sample_timesteps(np.linspace(0, 1, 8, dtype=np.float32))
    assert ((t_B >= 0) & (t_B <= 1)).all()
    x, noise = normal(2, 8, 1, 2, 2, 3)
    model = lambda x, t_B, caption: jnp.concatenate([x] * objective.outputs, -1)  # noqa: E731
    losses = jax.jit(lambda x: objective.losses(model, x, noise, t_B, None))(x)
    assert losses.shape == (8,)
    assert np.isfinite(losses).all()


def test_wrong_names_are_named():
    with pytest.raises(InputError, match="ddpm, edm, flow"):
        objectives.create(ConfigDict(CONFIG | {"objective": "gan"}))
    with pytest.raises(InputError, match="ddpm-linear-epsilon-learned: expected ddim"):
        objectives.sample(PATHS["ddpm"], None, None, None, Sampling("heun", 4, Guidance()))


@pytest.mark.parametrize("seed", [0, 7, 2**31, 2**33 + 5, -1, np.int32(-7)])
def test_a_program_draws_by_the_key_that_jax_makes_of_the_seed(seed):
    inside = jax.jit(noise_key)(low_bits(seed), np.uint32(16))
    assert inside == jax.random.fold_in(jax.random.key(seed), 16)
