"""Laws of compute give back what was planted, with intervals of Student's where they are linear."""

import numpy as np
import pytest
from scipy import special

from analysis.calibration import designs, frontier
from analysis.frontier import curve, minima, weigh
from analysis.laws import forms

LOG_C = np.log(np.geomspace(1e11, 32e11, 6))
AT = float(LOG_C.mean())
ERRORS = 1e-10 * np.eye(6)


def floor(E, g=0.2, A=0.4):
    return np.log(E + A * np.exp(-g * (LOG_C - AT)))


def said(name, log_loss, covariance=ERRORS, df=10.0, log_c=LOG_C):
    return weigh.posterior(curve.LAWS[name], log_c, log_loss, covariance, df)


@pytest.mark.parametrize("g", [0.02, 0.1, 0.35, 0.9])
@pytest.mark.parametrize("E", [0.05, 0.3])
def test_the_floor_is_recovered_without_noise(E, g):
    found = said("frontier", floor(E, g)).parameters(AT)
    assert (found["E"], found["A"], found["g"]) == pytest.approx((E, 0.4, g), rel=1e-5, abs=1e-6)


def test_the_power_law_is_recovered_without_noise():
    log_loss = np.log(20.0) - 0.13 * LOG_C
    for law in ("power", "local", "curved"):
        found = said(law, log_loss).parameters(AT)
        assert found["E"] == 0
        assert found["g"] == pytest.approx(0.13, rel=1e-6)
        assert found["A"] == pytest.approx(20 * np.exp(-0.13 * AT), rel=1e-6)


@pytest.mark.parametrize("k", [-0.2, 0.15])
def test_a_slope_that_changes_is_recovered_of_either_sign(k):
    u = LOG_C - AT
    log_loss = -0.1 * -np.expm1(-k * u) / k
    found = said("curved", log_loss)
    p = found.parameters(AT)
    assert (p["g"], p["k"]) == pytest.approx((0.1, k), rel=1e-4)
    ahead = np.exp(AT + 4.0)
    truth = np.exp(-0.1 * -np.expm1(-k * 4.0) / k)
    assert np.exp(found.value(np.log(ahead))[0]) == pytest.approx(truth, rel=1e-5)
    assert forms.of_compute(ahead, np.exp(AT), **p) == pytest.approx(truth, rel=1e-5)


def test_a_floor_the_data_speak_against_is_zero():
    found = said("frontier", -0.1 * LOG_C - 0.002 * np.arange(6) ** 2, 1e-6 * np.eye(6))
    assert found.parameters(AT)["E"] == 0
    drawn = found.draws(2000, AT, np.random.default_rng(0))["E"]
    assert np.percentile(drawn, 2.5) == 0


def test_where_nothing_is_known_of_the_floor_its_interval_begins_at_zero():
    noisy = -0.1 * LOG_C + 0.01 * np.sin(np.arange(6) ** 2)
    drawn = said("frontier", noisy, 1e-4 * np.eye(6)).draws(2000, AT, np.random.default_rng(0))
    low, high = np.percentile(drawn["E"], [2.5, 97.5])
    assert low == 0 < high


def test_a_line_knows_what_student_does():
    rng, held = np.random.default_rng(8), 0
    for _ in range(400):
        spread = 0.01 * np.sqrt(rng.chisquare(10) / 10)
        y = -0.1 * LOG_C + 0.01 * rng.standard_normal(6)
        low, high = said("power", y, spread**2 * np.eye(6)).fall(AT, AT + 1).interval()
        held += low <= 0.1 <= high
    assert held / 400 == pytest.approx(0.95, abs=0.03)
    y = -0.1 * LOG_C + 0.003 * np.sin(np.arange(6) ** 2)  # fits its errors: no scatter is added
    found = said("power", y, 1e-4 * np.eye(6)).fall(AT, AT + 1)
    half = special.stdtrit(10, 0.975) * 0.01 / np.sqrt(((LOG_C - AT) ** 2).sum())
    assert np.ptp(found.interval()) == pytest.approx(2 * half, rel=1e-6)


def test_errors_that_budgets_share_are_not_counted_twice():
    """A shift that all minima have in common leaves the slope as it is."""
    y, own = -0.1 * LOG_C + 0.003 * np.sin(np.arange(6) ** 2), 1e-4 * np.eye(6)
    alone, shared = (said("power", y, own + extra) for extra in (0.0, 1e-2))
    slopes = [np.ptp(found.fall(AT, AT + 1).interval()) for found in (alone, shared)]
    heights = [np.ptp(found.at(AT).interval()) for found in (alone, shared)]
    assert slopes[1] == pytest.approx(slopes[0], rel=1e-6)
    assert heights[1] > 5 * heights[0]


def test_a_well_known_budget_weighs_more():
    y = -0.13 * LOG_C
    y[0] += 0.2
    unsure = ERRORS.copy()
    unsure[0, 0] = 1e4 * ERRORS[1, 1] * 1e4
    off, near = (abs(said("power", y, V).parameters(AT)["g"] - 0.13) for V in (ERRORS, unsure))
    assert near < 1e-4 < off


def test_a_law_that_does_not_fit_says_so_and_says_little():
    errors = 1e-6 * np.eye(6)
    good, bad = said("frontier", floor(0.3), errors), said("power", floor(0.3), errors)
    assert good.fits
    assert good.extra == 0
    assert not bad.fits
    assert bad.chi2 / bad.spare > 10
    whole = bad.extra * (bad.spare + weigh.PRIOR) / bad.spare
    again = said("power", floor(0.3), errors + whole * np.eye(6))
    assert again.chi2 == pytest.approx(bad.spare, rel=0.01)  # Paule and Mandel's condition
    ahead = LOG_C[-1] + 1.0
    truth = np.log(0.3 + 0.4 * np.exp(-0.2 * (ahead - AT)))
    low, high = bad.at(ahead).interval()
    narrow = 2 * special.stdtrit(10, 0.975) * 1e-3
    assert high - low > 5 * narrow
    assert low < truth + 0.05


def test_a_minimum_to_come_is_less_certain_than_the_law():
    found = said("power", -0.1 * LOG_C, 1e-4 * np.eye(6))
    law, new = (np.ptp(found.at(LOG_C[-1] + 1, v).interval()) for v in (0.0, 1e-4))
    assert new > 1.2 * law


def test_the_chance_that_minima_err_on_their_own_is_that_of_planted_ones():
    """Half of 40,000 sweeps have errors of their own, half-Cauchy over the runs'."""
    rng, spare, df, count = np.random.default_rng(0), 3, 17, 40_000
    some = rng.random(count) < 0.5
    own = np.where(some, np.abs(rng.standard_cauchy(count)), 0.0)
    scale = rng.chisquare(df, count) / df
    chi2 = (1 + own**2) * rng.chisquare(spare, count) / scale
    for low, high in ((3.5, 4.5), (9.0, 11.0)):
        near = (low < chi2) & (chi2 < high)
        said = weigh._chance_of_own((low + high) / 2, spare, df)
        assert some[near].mean() == pytest.approx(said, abs=0.04)


def test_budgets_that_err_on_their_own_are_named():
    flagged = {}
    for name in ("demo", "errors"):
        design = next(design for design in designs.DESIGNS if design.name == name)
        rng = np.random.default_rng(1)
        tables = [frontier.seen(design, designs.sweep(design, rng)) for _ in range(12)]
        found = [minima.doubts(*minima.measure(table, "loss", "params")) for table in tables]
        flagged[name] = sum(any(f.kind == "own_errors" for f in flags) for flags in found)
    assert flagged["demo"] <= 1
    assert flagged["errors"] >= 6
