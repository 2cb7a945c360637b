"""Broken neural scaling laws: planted breaks, no break, and too few runs."""

import numpy as np
import pytest

from analysis.engine.fit import fit
from analysis.engine.problem import problem
from analysis.fitting import entry
from analysis.laws.bnsl import LAW as BNSL
from tests.analysis import resamples
from vdit.errors import InputError

FLOPS = np.geomspace(1e15, 1e21, 25)
NAMES = ("a", "b", "c0", "d1", "c1", "f1")


def planted(x, a, b, c0, d, c, f):
    """Equation 1 of 2210.14891, as it is printed, with one break."""
    return a + b * x**-c0 * (1 + (x / d) ** (1 / f)) ** (-c * f)


def test_the_jacobian_is_the_derivative():
    rng = np.random.default_rng(0)
    x, law = np.linspace(-4, 4, 9)[None], BNSL
    theta = np.array([0.3, 0.4, 0.3, 0.5, 0.4, -0.3]) + 0.05 * rng.standard_normal((3, 6))
    jacobian = law.log_loss(theta, x)[1]
    for k, step in enumerate(1e-6 * np.eye(theta.shape[1])):
        slope = (law.log_loss(theta + step, x)[0] - law.log_loss(theta - step, x)[0]) / 2e-6
        np.testing.assert_allclose(jacobian[:, :, k], slope, atol=2e-9)


@pytest.mark.parametrize(
    "truth",
    [
        (0.3, 30.0, 0.1, 1e18, 0.2, 0.5),  # steeper behind the break
        (0.05, 200.0, 0.15, 2e17, -0.08, 0.3),  # shallower
        (0.5, 1e4, 0.25, 3e18, 0.3, 1.0),  # a soft one
        (0.2, 50.0, 0.12, 1e18, 5.66, 0.5),  # the steepest change in the paper
    ],
)
def test_a_planted_break_is_recovered_without_noise(truth):
    found = fit(problem(BNSL, {"flops": FLOPS}, planted(FLOPS, *truth)))
    assert found.parameters == pytest.approx(dict(zip(NAMES, truth, strict=True)), rel=1e-6)
    assert found.status.word == "converged"
    assert found.derived["c_last"] == pytest.approx(truth[2] + truth[4], rel=1e-6)


def test_a_planted_break_lies_in_its_interval_with_noise():
    truth = (0.3, 30.0, 0.1, 1e18, 0.2, 0.5)
    noise = np.exp(0.003 * np.random.default_rng(0).standard_normal(len(FLOPS)))
    found = fit(problem(BNSL, {"flops": FLOPS}, planted(FLOPS, *truth) * noise))
    draws = resamples.parametric(found, 0.003, 200, np.random.default_rng(1))
    intervals = resamples.percentiles(found, draws)
    for name, value in zip(NAMES, truth, strict=True):
        low, high = intervals[name]
        assert low < value < high, name


@pytest.mark.parametrize("noise", [0.003, 0.01, 0.1])
def test_twelve_runs_get_a_status_and_no_intervals(noise):
    x = FLOPS[::2][:12]
    loss = planted(x, 0.2, 50.0, 0.12, 1e18, 5.66, 0.5)
    loss = loss * np.exp(noise * np.random.default_rng(1).standard_normal(12))
    told = entry.of_runs(BNSL, {"flops": x}, loss, entry.Options()).entry
    assert "no intervals: they need 18 runs of different inputs" in told.status.words
    assert told.intervals == {}
    assert all(np.isfinite(value) for value in told.parameters.values())


def test_without_a_break_the_break_is_not_identified():
    found = fit(problem(BNSL, {"flops": FLOPS}, 0.3 + 30 * FLOPS**-0.12))
    assert found.status.word == "not identified"
    assert "d1" in found.status.unidentified
    assert found.parameters["E" if "E" in found.parameters else "a"] == pytest.approx(0.3, rel=1e-4)


def test_too_few_runs_are_one_line():
    with pytest.raises(InputError, match="bnsl has 6 parameters and needs 7 rows"):
        problem(BNSL, {"flops": FLOPS[:6]}, FLOPS[:6] ** -0.1)
