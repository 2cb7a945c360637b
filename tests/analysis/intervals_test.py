"""Intervals hold the truth as often as they say, and are Student's where a law is linear."""

import numpy as np
import pytest
from scipy import special

from analysis.engine import intervals
from analysis.engine.fit import fit
from analysis.engine.objective import Objective
from analysis.engine.problem import problem
from analysis.frontier import isoflop, minima
from analysis.frontier.reach import Line, Profile
from analysis.laws.registry import LAWS

LOG_C = np.log(np.geomspace(1e11, 32e11, 6))
EQUAL = np.full(6, 0.5)


def noise(sd=0.01, df=10):
    return isoflop.Noise(sd, df, None, 0, None, 0)


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


def planted(E, g=0.2):
    return E + 0.4 * np.exp(-g * (LOG_C - LOG_C.mean()))


def test_the_profile_is_a_point_where_there_is_no_noise():
    found = Profile(LOG_C, planted(0.3), EQUAL, noise(1e-7))
    assert found.told_from_zero()
    assert found.floor() == pytest.approx([0.3, 0.3], rel=1e-3)
    assert found.slopes() == pytest.approx([0.2, 0.2], rel=1e-3)
    beyond = 0.3 + 0.4 * np.exp(-0.2 * (LOG_C[-1] + 2 - LOG_C.mean()))
    assert found.at(LOG_C[-1:] + 2)[:, 0] == pytest.approx([beyond, beyond], rel=1e-4)


def test_the_profile_of_a_pure_power_law_begins_at_no_floor():
    found = Profile(LOG_C, planted(0.0, 0.1), EQUAL, noise())
    low, high = found.floor()
    assert not found.told_from_zero()
    assert low == 0 < high
    low, high = found.slopes()
    assert low <= 0.1 <= high
    assert found.at(np.array([60.0]))[0] < 0.4 * np.exp(-0.1 * (60.0 - LOG_C.mean()))


def test_the_loss_of_the_profile_is_its_own_constrained_fit():
    """The ends of the set are where a fit forced through them is as bad as the limit."""
    rng = np.random.default_rng(7)
    loss = planted(0.3) * np.exp(0.004 * rng.standard_normal(6))
    found = Profile(LOG_C, loss, EQUAL, noise(0.004))
    target = LOG_C[-1] + 1.0
    for end in found.at([target])[:, 0]:
        cost = min(_through(end, target, g, loss, found) for g in np.linspace(*found.slopes(), 400))
        assert cost == pytest.approx(found.limit, rel=2e-3)


def _through(value, target, g, loss, found):
    """Least sum of squares of a law of exponent g that is `value` at the target, E >= 0."""
    u, u_0 = np.exp(-g * found.x), np.exp(-g * (target - found.centre))
    A = np.linspace(0, value / u_0, 4001)[:, None]
    return float(((value - A * u_0 + A * u - loss) ** 2 @ found.w).min())


def test_a_line_knows_its_slope_as_student_does():
    rng = np.random.default_rng(8)
    held = 0
    for _ in range(400):
        spread = 0.01 * np.sqrt(rng.chisquare(10) / 10)
        y = -0.1 * LOG_C + 0.01 * np.sqrt(0.5) * rng.standard_normal(6)
        low, high = Line(LOG_C, y, EQUAL, noise(spread)).slopes()
        held += low <= -0.1 <= high
    assert held / 400 == pytest.approx(0.95, abs=0.03)


def test_minima_at_an_end_of_their_sizes_give_no_exponent():
    from tests.analysis.synthetic_sweep import make_rows

    import pandas as pd  # isort: skip

    table = pd.DataFrame(make_rows())
    _, found = minima.measure(table, "loss_ema", "params", 100)
    assert "intervals" in minima.fit_size(found)
    cut = table[(table["flops_budget"] > 3e11) | (table["params"] < table["params"].median() / 3)]
    _, found = minima.measure(cut, "loss_ema", "params", 100)
    assert found.off
    assert "an end of their sizes" in minima.fit_size(found)["status"]
