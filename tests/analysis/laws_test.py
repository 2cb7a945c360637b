"""Every law gives back what was planted."""

import numpy as np
import pytest

from analysis.engine.fit import fit
from analysis.engine.problem import problem
from analysis.laws import forms
from analysis.laws.registry import LAWS
from tests.analysis import resamples
from tests.analysis.planted_laws import PARAMETERS, loss, runs

FLOPS = np.geomspace(1e11, 32e11, 6)


def test_the_frontier_counted_from_any_compute_is_one_law():
    reference = 3e11
    C0, g = 5e9, 0.2
    A = (C0 / reference) ** g
    one = 0.3 + (C0 / FLOPS) ** g
    np.testing.assert_allclose(one, forms.of_compute(FLOPS, reference, 0.3, A, g), rtol=1e-12)


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_jacobian_is_the_derivative(name):
    law, rng = LAWS[name], np.random.default_rng(0)
    x = rng.normal(0, 2, (len(law.inputs), 7))
    theta = rng.uniform(0.2, 0.9, (3, len(law.parameters)))
    _, jacobian = law.log_loss(theta, x)
    for i in range(theta.shape[1]):
        step = 1e-6 * np.eye(theta.shape[1])[i]
        slope = (law.log_loss(theta + step, x)[0] - law.log_loss(theta - step, x)[0]) / 2e-6
        np.testing.assert_allclose(jacobian[:, :, i], slope, atol=1e-8)


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_law_is_recovered_without_noise(name):
    x = runs()
    found = fit(problem(LAWS[name], x, loss(name, x)))
    assert found.parameters == pytest.approx(PARAMETERS[name], rel=1e-6)
    assert found.status.words == "converged"
    np.testing.assert_allclose(found.predict(x), loss(name, x), rtol=1e-9)


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_law_is_within_its_intervals_with_noise(name):
    x = runs()
    found = fit(problem(LAWS[name], x, loss(name, x, noise=0.005)))
    rng = np.random.default_rng(1)
    intervals = resamples.percentiles(found, resamples.pairs(found, 200, rng))
    assert set(intervals) == set(found.parameters) | set(found.derived)
    for key, truth in PARAMETERS[name].items():
        low, high = intervals[key]
        assert low < truth < high, key


def test_a_law_of_four_terms_contains_the_law_of_three():
    x = runs()
    three, four = (
        fit(problem(LAWS[name], x, loss("width_depth", x, noise=0.01)))
        for name in ("width_depth", "width_depth_params")
    )
    assert four.value <= three.value


def test_what_follows_from_a_law():
    x = runs()
    derived = {
        name: fit(problem(LAWS[name], x, loss(name, x))).derived
        for name in ("power", "frontier", "chinchilla", "gamma", "kaplan")
    }
    assert derived["power"] == {}
    assert derived["frontier"]["C0"] == pytest.approx(300.0 ** (1 / 0.2))
    assert derived["chinchilla"] == pytest.approx({"a": 3 / 7, "b": 4 / 7, "g": 0.12 / 0.7})
    # Its outer exponent steepens both terms alike.
    assert derived["gamma"] == pytest.approx({"a": 3 / 7, "b": 4 / 7, "g": 0.7 * 0.12 / 0.7})
    # Equation 1.5 of 2001.08361 has terms N^-(alpha_N / alpha_D) and D^-1.
    assert derived["kaplan"]["a"] == pytest.approx(1 / (1 + 0.076 / 0.095))
