"""Samplers on Gaussian data, whose denoiser is known, along the paths of every objective."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vdit.diffusion import guidance, samplers, schedules
from vdit.diffusion.ddpm import DDPM
from vdit.diffusion.edm import EDM
from vdit.diffusion.flow import RectifiedFlow
from vdit.diffusion.guidance import Guidance
from vdit.diffusion.noise_level import NoiseLevel

MEAN, SD = 0.7, 0.5
PATHS = {
    "flow": RectifiedFlow(),
    "ddpm": DDPM(),
    "edm": EDM(),
}


def denoise(x, level):
    """E[data | x_t] for data ~ N(MEAN, SD^2); fraction 0 of the learned variance."""
    gain = level.alpha * SD**2 / (level.alpha**2 * SD**2 + level.sigma**2)
    return MEAN + gain * (x - level.alpha * MEAN), 0.0


def exact_ode(path, x):
    """Where the exact ODE takes x from the path's first level to its last: the same quantile."""
    first, last = (np.sqrt(path.alpha[i] ** 2 * SD**2 + path.sigma[i] ** 2) for i in (0, -1))
    return path.alpha[-1] * MEAN + last * (x - path.alpha[0] * MEAN) / first


def normal(*shape):
    """Numbers of a fixed draw."""
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def run(name, method, steps, x):
    path = PATHS[name].path(steps)
    table = samplers.TABLES[method](path)
    return samplers.denoise_along(denoise, x * PATHS[name].prior, path, table, jax.random.key(7))


@pytest.mark.parametrize("name", list(PATHS))
@pytest.mark.parametrize(("method", "steps"), [("ddim", 200), ("dpm", 40), ("ancestral", 400)])
def test_samplers_carry_noise_to_the_data(name, method, steps):
    noise = normal(20_000)
    x = run(name, method, steps, noise)
    assert x.mean() == pytest.approx(MEAN, abs=0.015)
    assert x.std() == pytest.approx(SD, abs=0.015)


def error(method, path):
    """The largest distance from the exact ODE, of starts all over the noise."""
    x = jnp.linspace(-2, 2, 9) * path.sigma[0]
    if method == "heun":
        found = samplers.denoise_by_heun(denoise, x, path)
    else:
        found = samplers.denoise_along(denoise, x, path, samplers.TABLES[method](path))
    return float(abs(found - exact_ode(path, x)).max())


def middle_of_the_flow(steps):
    t = np.linspace(0.9, 0.1, steps + 1)
    return NoiseLevel(t, 1 - t, t)


def fine_chain(steps):
    """Of so many levels that respacing rounds nothing away; without its ends."""
    path = schedules.respaced(schedules.cosine(25_601), 2 * steps + 1).path(1.0)
    return NoiseLevel(*(a[steps // 8 :][: steps + 1] for a in path))


@pytest.mark.parametrize(
    ("make", "method", "order"),
    [
        (middle_of_the_flow, "ddim", 1),
        (middle_of_the_flow, "dpm", 2),
        (fine_chain, "ddim", 1),
        (fine_chain, "dpm", 2),
        (PATHS["edm"].path, "ddim", 1),
        (PATHS["edm"].path, "dpm", 2),
        (PATHS["edm"].path, "heun", 2),
    ],
)
def test_order_of_accuracy(make, method, order):
    coarse, fine = (error(method, make(steps)) for steps in (32, 64))
    assert np.log2(coarse / fine) == pytest.approx(order, abs=0.25)


@pytest.mark.parametrize(("name", "steps"), [("flow", 20), ("ddpm", 20), ("edm", 20)])
def test_dpm_solver_beats_ddim_from_end_to_end(name, steps):
    path = PATHS[name].path(steps)
    assert error("dpm", path) < 0.5 * error("ddim", path)


def test_dpm_solver_coefficients_are_the_paper_s():
    """2211.01095, algorithm 2, line 6, written out for one step."""
    path = schedules.respaced(schedules.linear(), 10).path(1.0)
    table, i = samplers.dpm_solver(path), 4
    half = np.log(path.alpha[:-1] / path.sigma[:-1])
    h, h_before = half[i + 1] - half[i], half[i] - half[i - 1]
    r = h_before / h
    outer = -path.alpha[i + 1] * (np.exp(-h) - 1)
    assert table.x_t[i] == pytest.approx(path.sigma[i + 1] / path.sigma[i])
    assert table.data[i] == pytest.approx(outer * (1 + 1 / (2 * r)))
    assert table.previous[i] == pytest.approx(-outer / (2 * r))


def test_ddim_on_straight_lines_is_euler():
    x = jnp.linspace(-2, 2, 9)
    found = run("flow", "ddim", 7, x)

    def velocity(x, t):
        level = NoiseLevel(t, 1 - t, t)
        return (x - denoise(x, level)[0]) / t

    np.testing.assert_allclose(
        found, samplers.integrate(velocity, x, np.linspace(1, 0, 8)), atol=1e-5
    )


def test_eta_interpolates_between_the_ode_and_the_chain():
    path = schedules.respaced(schedules.linear(), 10).path(1.0)
    still, half, full = (samplers.ddim(path, eta).noise for eta in (0.0, 0.5, 1.0))
    assert (still == 0).all()
    np.testing.assert_allclose(half, full / 2)
    chain = schedules.respaced(schedules.linear(), 10)
    np.testing.assert_allclose(full[::-1] ** 2, chain.posterior_variance, atol=1e-12)


# --- guidance -----------------------------------------------------------------------------------


def spoken(x, t_B, caption):
    """Says its caption, spread over x."""
    return x + caption[:, :1]


@pytest.mark.parametrize(("sigma", "expected"), [(0.2, 3.0), (1.0, 6.0), (5.0, 3.0)])
def test_guidance_keeps_to_its_interval(sigma, expected):
    g = Guidance(2.0, interval=(0.28, 2.9))
    output = guidance.guided(spoken, jnp.full((2, 1), 3.0), g)
    alpha = 0.5
    x = output(jnp.zeros((2, 1)), NoiseLevel(0.3, alpha, alpha * sigma))
    np.testing.assert_allclose(x, expected)


def test_rescaled_guidance_is_no_louder():
    cond, uncond = normal(2, 4, 3, 5) + 1
    guided = guidance.classifier_free(cond, uncond, 5.0)
    assert (guided.std((1, 2)) > 2 * cond.std((1, 2))).all()
    whole = guidance.combine(cond, uncond, Guidance(5.0, rescale=1.0), 5)
    np.testing.assert_allclose(whole.std((1, 2)), cond.std((1, 2)), rtol=1e-5)
    part = guidance.combine(cond, uncond, Guidance(5.0, rescale=0.7), 5)
    np.testing.assert_allclose(part, 0.7 * whole + 0.3 * guided, rtol=1e-5, atol=1e-6)


def test_learned_variance_is_the_captions_own():
    cond, uncond = jnp.full((1, 2, 4), 3.0), jnp.ones((1, 2, 4))
    found = guidance.combine(cond, uncond, Guidance(2.0), 2)
    np.testing.assert_allclose(found[0, 0], [5, 5, 3, 3])
