"""Intervals hold the truth as often as they say, and are Student's where a law is linear."""

import numpy as np
import pytest
from scipy import special

from analysis.engine import intervals
from analysis.engine.fit import fit
from analysis.engine.objective import Objective
from analysis.engine.problem import problem
from analysis.laws.registry import LAWS


def power_rows(rng, rows=12, sd=0.02):
    c = np.geomspace(1e10, 1e13, rows)
    return c, 20 * c**-0.1 * np.exp(sd * rng.standard_normal(rows))


def test_for_a_linear_law_the_studentised_interval_is_students():
    c, loss = power_rows(np.random.default_rng(0))
    found = fit(problem(LAWS["power"], {"flops": c}, loss, Objective("log_mse")))
    got = intervals.Studentised(found, 20_000, np.random.default_rng(1)).parameters()["g"]
    x = np.log(c) - np.log(c).mean()
    slope = x @ np.log(loss) / (x @ x)
    residual = np.log(loss) - np.log(loss).mean() - slope * x
    half = special.stdtrit(10, 0.975) * np.sqrt(residual @ residual / 10 / (x @ x))
    # The ends of twenty thousand resamples are known to about a fiftieth of the half width.
    assert got == pytest.approx([-slope - half, -slope + half], abs=0.04 * half)


def test_checkpoints_of_one_run_count_as_one_run():
    rng = np.random.default_rng(2)
    n, d = (a.ravel() for a in np.meshgrid(np.geomspace(1e5, 1e7, 6), np.geomspace(1e7, 1e9, 5)))
    runs = np.repeat(np.arange(30), 4)
    inputs = {"params": n[runs], "tokens": d[runs] * np.tile([0.25, 0.5, 0.75, 1.0], 30)}
    planted = 0.3 + 9 * inputs["params"] ** -0.34 + 40 * inputs["tokens"] ** -0.36
    loss = planted * np.exp(0.01 * rng.standard_normal(30)[runs])
    law, widths = LAWS["chinchilla"], []
    for cluster in (None, runs):
        found = fit(problem(law, inputs, loss, Objective("log_mse"), cluster=cluster), 300)
        reach = intervals.Studentised(found, 200, np.random.default_rng(3))
        low, high = reach.parameters()["alpha"]
        widths.append(high - low)
    assert widths[1] > 1.3 * widths[0]


def test_what_the_runs_do_not_identify_has_no_interval():
    rng = np.random.default_rng(4)
    n, d = (a.ravel() for a in np.meshgrid(np.geomspace(1e5, 1e7, 5), np.geomspace(1e7, 1e9, 4)))
    loss = (9 * n**-0.34 + 40 * d**-0.36) * np.exp(0.02 * rng.standard_normal(20))  # no floor
    found = fit(problem(LAWS["chinchilla"], {"params": n, "tokens": d}, loss))
    got = intervals.of(found, 200, rng).parameters()
    assert got["E"] is None
    assert got["beta"] is not None


def test_many_runs_are_resampled_as_they_are():
    rng = np.random.default_rng(5)
    c, loss = power_rows(rng, rows=intervals.MANY)
    found = fit(problem(LAWS["power"], {"flops": c}, loss))
    assert isinstance(intervals.of(found, 50, rng), intervals.Pairs)
    c, loss = power_rows(rng, rows=intervals.MANY - 1)
    found = fit(problem(LAWS["power"], {"flops": c}, loss))
    assert isinstance(intervals.of(found, 50, rng), intervals.Studentised)


def test_a_new_run_is_less_certain_than_the_law():
    rng = np.random.default_rng(6)
    for rows in (20, 120):
        c, loss = power_rows(rng, rows=rows)
        reach = intervals.of(fit(problem(LAWS["power"], {"flops": c}, loss)), 400, rng)
        at = {"flops": np.array([1e14])}
        (law,), (new,) = reach.losses(at), reach.losses(at, new=True)
        assert new[1] - new[0] > 1.5 * (law[1] - law[0])
