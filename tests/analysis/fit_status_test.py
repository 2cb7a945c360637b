"""The status of a fit names what the data do not tell, and where a bound was hit."""

import json

import numpy as np
import pytest

from analysis.engine import identify, status
from analysis.engine.fit import fit
from analysis.engine.objective import Objective
from analysis.engine.problem import problem
from analysis.laws.registry import LAWS
from analysis.table import serial
from tests.analysis import resamples
from tests.analysis.planted_laws import loss, runs

CHINCHILLA = LAWS["chinchilla"]


def noisy(objective=None):
    x = runs()
    return problem(CHINCHILLA, x, loss("chinchilla", x, 0.01), objective)


def test_flat_losses_identify_no_exponent():
    for name in ("frontier", "chinchilla", "gamma", "kaplan", "width_depth"):
        judged = fit(problem(LAWS[name], runs(), np.ones(84))).status
        assert judged.word == "not identified", name
        json.loads(json.dumps(serial.to_json(judged), allow_nan=False))
    assert fit(problem(LAWS["power"], runs(), np.ones(84))).status.bounds == ("g is zero",)


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_one_size_does_not_identify_its_exponent(noise):
    x = runs() | {"params": np.full(84, 1e6)}
    for name, lost in (("chinchilla", {"A", "E", "alpha"}), ("kaplan", {"alpha_N"})):
        judged = fit(problem(LAWS[name], x, loss(name, x, noise))).status
        assert judged.word == "not identified"
        assert lost <= set(judged.unidentified)
        assert not {"beta", "alpha_D"} & set(judged.unidentified)


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_sizes_in_proportion_to_tokens_are_one_input(noise):
    x = runs()
    x["params"] = x["tokens"] / 20
    for name in ("chinchilla", "gamma", "kaplan"):
        judged = fit(problem(LAWS[name], x, loss(name, x, noise))).status
        assert judged.word == "not identified"
        assert {LAWS[name].parameters[0], LAWS[name].parameters[1]} <= set(judged.unidentified)


def test_noise_that_drowns_a_term_is_named():
    x = runs()
    x["params"] = np.geomspace(1e6, 1.1e6, 84)
    judged = fit(problem(CHINCHILLA, x, loss("chinchilla", x, 0.01))).status
    assert judged.word == "not identified"
    assert "alpha" in judged.unidentified


def test_a_floor_of_zero_is_named():
    x = runs()
    losses = loss("power", x) * np.exp(-0.01 * np.log(x["flops"] / 1e15) ** 2)
    found = fit(problem(LAWS["frontier"], x, losses))
    assert found.parameters["E"] == 0.0
    assert found.status.words == "bound hit: E is zero"


def test_the_status_counts_starts_and_those_that_agree():
    judged = fit(noisy(), starts=500, follow=10).status
    assert (judged.starts, judged.followed, judged.agree) == (500, 10, 1.0)
    assert judged.gradient < 1e-6
    assert 1 < judged.condition < 100


def test_a_point_that_is_no_minimum_is_not_converged():
    p = noisy()
    theta = fit(p).theta + 0.01
    assert status.judge(p, theta, 1.0, 1, 1).word == "not converged"


def test_standard_errors_are_near_those_of_resamples():
    found = fit(noisy(Objective("log_mse")))
    jacobian = CHINCHILLA.log_loss(found.theta[None], found.problem.x)[1][0]
    errors = identify.errors(found.problem, found.theta, jacobian)
    draws = resamples.pairs(found, 400, np.random.default_rng(0))
    assert errors == pytest.approx(draws.std(0), rel=0.5)
