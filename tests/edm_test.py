"""EDM's scales against what they are derived from."""

import jax.numpy as jnp
import numpy as np
import pytest

from vdit.diffusion import edm
from vdit.diffusion.edm import EDM

SIGMAS = np.array([0.002, 0.1, 0.5, 3.0, 80.0])


def test_scales_give_unit_variances():
    """Input and target of the network have variance one for data of that variance (B.6)."""
    data = 0.5
    skip, out = edm.c_skip(SIGMAS, data), edm.c_out(SIGMAS, data)
    np.testing.assert_allclose(edm.c_in(SIGMAS, data) ** 2 * (data**2 + SIGMAS**2), 1)
    target = ((1 - skip) ** 2 * data**2 + skip**2 * SIGMAS**2) / out**2
    np.testing.assert_allclose(target, 1)
    np.testing.assert_allclose(edm.loss_weight(SIGMAS, data) * out**2, 1)
    np.testing.assert_allclose(edm.sigma_of(edm.c_noise(SIGMAS)), SIGMAS, rtol=1e-5)


def test_schedule_is_the_published_one():
    """Heun's 18 steps of CIFAR-10, by eq. 5 at i = 0, 9, 17 and 18."""
    sigma = EDM().sigmas(18)
    middle = (80 ** (1 / 7) + 9 / 17 * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7
    np.testing.assert_allclose(sigma[[0, 9, 17, 18]], [80, middle, 0.002, 0], rtol=1e-9)


def test_training_sigmas_are_log_normal():
    sigma = EDM().sigma_at(jnp.asarray((np.arange(4096) + 0.5) / 4096))
    assert np.log(sigma).mean() == pytest.approx(-1.2, abs=1e-3)
    assert np.log(sigma).std() == pytest.approx(1.2, abs=5e-3)


def test_loss_is_the_networks_own_error():
    """lambda |D - x|^2 is |F - its target|^2 (eq. 8), here for a network that says 0."""
    x, noise = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    sigma = jnp.array([0.01, 0.5, 50.0])
    found = edm.losses(lambda x, t, caption: x * 0, x, noise, sigma, None, 0.5)
    skip, out = (f(sigma[:, None], 0.5) for f in (edm.c_skip, edm.c_out))
    target = (x - skip * (x + sigma[:, None] * noise)) / out
    np.testing.assert_allclose(found, jnp.square(target).mean(-1), rtol=1e-3)


def test_network_sees_scaled_clips_and_log_sigma():
    seen = {}

    def model(x, t_B, caption):
        seen.update(x=x, t=t_B)
        return x

    x, t_B = jnp.zeros((2, 3)), jnp.array([0.2, 0.7])
    objective = EDM()
    noise = jnp.ones_like(x)
    assert np.isfinite(objective.losses(model, x, noise, t_B, None)).all()
    sigma = objective.sigma_at(t_B)
    np.testing.assert_allclose(seen["t"], np.log(sigma) / 4, rtol=1e-5)
    np.testing.assert_allclose(seen["x"][:, 0], sigma / np.sqrt(sigma**2 + 0.25), rtol=1e-5)
