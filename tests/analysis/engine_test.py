"""The engine: objectives, weights, resamples, and what it refuses."""

import numpy as np
import pytest

from analysis.engine import intervals, solve
from analysis.engine.fit import fit, refit
from analysis.engine.objective import Objective
from analysis.engine.problem import problem
from analysis.laws.power_terms import PowerTerms
from analysis.laws.registry import LAWS
from tests.analysis import resamples
from tests.analysis.planted_laws import PARAMETERS, loss, runs
from vdit.errors import InputError

CHINCHILLA = LAWS["chinchilla"]
OBJECTIVES = [Objective(name) for name in ("huber", "lad", "log_mse", "mse")]


def noisy(objective=None, noise=0.01, **kwargs):
    x = runs()
    return problem(CHINCHILLA, x, loss("chinchilla", x, noise), objective, **kwargs)


def test_objectives_are_the_sums_they_say():
    y, prediction = np.log([1.0, 2.0, 4.0]), np.log([1.1, 2.0005, 3.0])
    r = prediction - y
    huber = np.where(abs(r) <= 1e-3, r**2 / 2, 1e-3 * (abs(r) - 0.5e-3))
    expected = [huber, abs(r), r**2, (np.exp(prediction) - np.exp(y)) ** 2]
    for objective, cost in zip(OBJECTIVES, expected, strict=True):
        residual, _ = objective.residual(prediction, y)
        np.testing.assert_allclose(objective.cost(residual), cost, rtol=1e-12)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda one: one.name)
def test_the_gradient_is_the_derivative(objective):
    p = noisy(objective)
    theta = fit(p, starts=300).ends[:1] + 0.01
    _, gradient, _ = solve.quadratic(p, objective, theta, solve.weighed(p, 1))
    for i, step in enumerate(1e-6 * np.eye(5)):
        slope = (solve.value(p, theta[0] + step) - solve.value(p, theta[0] - step)) / 2e-6
        assert gradient[0, i] == pytest.approx(slope, rel=1e-4, abs=1e-6 * abs(gradient).max())


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda one: one.name)
def test_nothing_near_the_winner_is_lower(objective):
    found = fit(noisy(objective))
    assert found.status.words == "converged"
    assert found.value == pytest.approx(found.values[0], rel=1e-5)
    rng = np.random.default_rng(0)
    for size in (1e-1, 1e-2, 1e-3, 1e-4):
        near = found.theta + size * rng.standard_normal((500, 5))
        values = solve.values(found.problem, objective, near, solve.weighed(found.problem, 500))
        assert values.min() > found.value


def test_a_law_is_recovered_by_every_objective():
    for objective in OBJECTIVES:
        found = fit(noisy(objective, noise=0.0))
        assert found.parameters == pytest.approx(PARAMETERS["chinchilla"], rel=1e-6)


def test_weights_are_repeated_and_left_out_rows():
    p = noisy()
    rng = np.random.default_rng(0)
    counts = rng.multinomial(84, np.full(84, 1 / 84), 3).astype(float)
    theta, value = refit(fit(p), weights=counts)
    for i in range(3):
        alone = fit(p.take(np.repeat(np.arange(84), counts[i].astype(int))))
        assert value[i] == pytest.approx(alone.value, rel=1e-8)
        np.testing.assert_allclose(theta[i], alone.theta, rtol=1e-3, atol=1e-5)


def test_rows_of_known_noise_count_by_it():
    weight = np.ones(84)
    weight[:20] = 3.0
    rows = np.concatenate([np.arange(84), np.arange(20), np.arange(20)])
    assert fit(noisy(weight=weight)).value == pytest.approx(fit(noisy().take(rows)).value, rel=1e-8)
    doubled = refit(fit(noisy(weight=weight)), weights=np.full((1, 84), 2.0))
    assert doubled[1][0] == pytest.approx(2 * fit(noisy(weight=weight)).value, rel=1e-8)


def test_a_floor_held_at_zero_leaves_the_best_law_without_it():
    x = runs()
    losses = loss("kaplan", x) ** 1.5 * np.exp(0.02 * np.random.default_rng(0).normal(size=84))
    bare = PowerTerms("bare", ("params", "tokens"), ("A", "B", "alpha", "beta"), floor=False)
    held, free = (fit(problem(law, x, losses)) for law in (CHINCHILLA, bare))
    assert held.status.bounds == ("E is zero",)
    assert held.values.max() == pytest.approx(free.value, rel=1e-9)


def test_a_batch_gives_what_its_elements_give_alone():
    p = noisy()
    starts = p.law.starts(p.x, np.log(p.loss), 40)
    theta, value = solve.descend(p, starts)
    alone = [solve.descend(p, start[None]) for start in starts[::8]]
    np.testing.assert_allclose(value[::8], [one[1][0] for one in alone], rtol=1e-9)
    np.testing.assert_allclose(theta[::8], [one[0][0] for one in alone], rtol=1e-5, atol=1e-7)


def test_intervals_are_wider_where_rows_of_a_run_share_their_noise():
    x = runs()
    rng = np.random.default_rng(3)
    shared = np.exp(0.01 * np.repeat(rng.standard_normal(21), 4))
    losses = loss("chinchilla", x) * shared * np.exp(0.001 * rng.standard_normal(84))
    width = {}
    for name, cluster in (("rows", None), ("runs", np.repeat(np.arange(21), 4))):
        found = fit(problem(CHINCHILLA, x, losses, Objective("log_mse"), cluster=cluster))
        low, high = intervals.of(found, 199, np.random.default_rng(0)).parameters()["E"]
        width[name] = high - low
    assert width["runs"] > 1.2 * width["rows"]


def test_a_parametric_bootstrap_spreads_with_the_noise_given():
    found = fit(noisy(Objective("log_mse")))
    rng = np.random.default_rng(0)
    spread = [np.std(resamples.parametric(found, sd, 200, rng)[:, 3]) for sd in (0.01, 0.02)]
    assert spread[1] == pytest.approx(2 * spread[0], rel=0.3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rows": slice(0, 5)}, "chinchilla has 5 parameters and needs 6 rows, the table has 5"),
        ({"loss": -1.0}, "loss holds numbers that are not finite and above zero"),
        ({"tokens": np.nan}, "tokens holds numbers that are not finite and above zero"),
        ({"drop": "tokens"}, "chinchilla needs tokens, which the table lacks"),
        ({"loss": [1.0, 2.0]}, "chinchilla: 84 rows of inputs for 2 losses"),
    ],
)
def test_a_bad_table_gets_one_clear_line(change, words):
    x = runs()
    x["loss"] = loss("chinchilla", x)
    x = {key: value[change.get("rows", slice(None))] for key, value in x.items()}
    for key in {"loss", "tokens"} & set(change):
        x[key] = change[key] if key == "loss" and np.ndim(change[key]) else x[key] * change[key]
    x.pop(change.get("drop"), None)
    with pytest.raises(InputError, match=words):
        problem(CHINCHILLA, x, x["loss"])


def test_an_unknown_objective_is_refused():
    with pytest.raises(ValueError, match="objective is 'rmse', expected one of huber, lad"):
        Objective("rmse")
    with pytest.raises(ValueError, match="delta"):
        Objective("huber", 0.0)
