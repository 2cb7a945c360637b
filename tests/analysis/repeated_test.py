"""Repeated data: the law of Muennighoff et al. planted, and runs that repeat nothing."""

import numpy as np
import pytest

from analysis.engine.fit import fit
from analysis.engine.problem import problem
from analysis.laws.repeated import LAW as REPEATED

NAMES = ("A", "B", "E", "alpha", "beta", "RD_star", "RN_star")
PUBLISHED = (521.0, 1488.0, 1.87, 0.353, 0.353, 15.4, 5.3)  # 2305.16264
OTHER = (300.0, 2000.0, 1.5, 0.34, 0.37, 8.0, 3.0)


def runs():
    """72 runs: six sizes, four amounts of unique tokens, seen 1, 6 and 40 times."""
    unique = np.tile(np.repeat(np.geomspace(1e8, 1e10, 4), 3), 6)
    params = np.repeat(np.geomspace(1e7, 3e9, 6), 12)
    tokens = unique * np.tile([1, 6, 40], 24)
    return {"params": params, "tokens": tokens, "unique_tokens": unique}


def planted(inputs, A, B, E, alpha, beta, rd, rn):
    """Equations 5 to 7 of 2305.16264, as they are printed."""
    n, d, unique = inputs["params"], inputs["tokens"], inputs["unique_tokens"]
    optimal = (alpha * A / (beta * B)) ** (1 / alpha) * unique ** (beta / alpha)
    u_n = np.minimum(n, optimal)
    d_eff = unique + unique * rd * (1 - np.exp(-(d / unique - 1) / rd))
    n_eff = u_n + u_n * rn * (1 - np.exp(-(n / u_n - 1) / rn))
    return E + A / n_eff**alpha + B / d_eff**beta


def test_the_jacobian_is_the_derivative():
    rng = np.random.default_rng(0)
    x = rng.uniform(-4, 4, (3, 30))
    x[2] = x[1] - rng.uniform(0, 3, 30)
    theta = np.array([[0.0, 0.3, 0.5, 0.4, 0.5, 1.5, 1.2], [-1.0, 2, 0.1, 0.6, 0.4, 0.5, 0.2]])
    jacobian = REPEATED.log_loss(theta, x)[1]
    for k, step in enumerate(1e-6 * np.eye(7)):
        up, down = (REPEATED.log_loss(theta + sign * step, x)[0] for sign in (1, -1))
        np.testing.assert_allclose(jacobian[:, :, k], (up - down) / 2e-6, atol=2e-9)


@pytest.mark.parametrize("truth", [PUBLISHED, OTHER])
def test_the_planted_law_is_recovered_without_noise(truth):
    inputs = runs()
    found = fit(problem(REPEATED, inputs, planted(inputs, *truth)))
    assert found.parameters == pytest.approx(dict(zip(NAMES, truth, strict=True)), rel=1e-6)
    assert found.status.word == "converged"
    more = {name: 3 * values[:5] for name, values in inputs.items()}
    assert found.predict(more) == pytest.approx(planted(more, *truth), rel=1e-6)


def test_it_is_near_the_truth_with_noise():
    inputs = runs()
    noise = np.exp(0.003 * np.random.default_rng(0).standard_normal(72))
    found = fit(problem(REPEATED, inputs, planted(inputs, *PUBLISHED) * noise)).parameters
    for name, truth in zip(NAMES, PUBLISHED, strict=True):
        assert found[name] == pytest.approx(truth, rel=0.1), name


def test_runs_that_repeat_nothing_do_not_identify_what_repeats_are_worth():
    inputs = runs()
    once = inputs["tokens"] == inputs["unique_tokens"]
    inputs = {name: values[once] for name, values in inputs.items()}
    found = fit(problem(REPEATED, inputs, planted(inputs, *PUBLISHED)))
    assert found.status.word == "not identified"
    assert "RD_star" in found.status.unidentified
    assert found.parameters["beta"] == pytest.approx(0.353, rel=1e-3)


def test_no_more_can_be_unique_than_was_seen():
    x = np.array([[0.0, 1.0], [0.0, 0.5], [2.0, 3.0]])
    seen_once = np.stack([x[0], x[1], x[1]])
    theta = np.array([[0.0, 0.3, 0.5, 0.4, 0.5, 1.5, 1.2]])
    expected = REPEATED.log_loss(theta, seen_once)
    for one, other in zip(REPEATED.log_loss(theta, x), expected, strict=True):
        np.testing.assert_array_equal(one, other)
