"""The bound of power is that of a test which knows the noise, simulated."""

import numpy as np
import pandas as pd
import pytest

from analysis.calibration import designs, power
from tests.paths import ROOT

FLAT = next(design for design in designs.DESIGNS if design.name == "flat")
STRAIGHT, BENT, ANY = power.bounds(FLAT)


@pytest.mark.parametrize(("bound", "powers"), [(STRAIGHT, 2), (BENT, 3), (ANY, 6)])
def test_a_fit_of_known_noise_has_the_power_that_is_said(bound, powers):
    """20,000 flat sweeps of six budgets, fitted by polynomials: a binomial error of 0.35 %."""
    rng, u = np.random.default_rng(0), np.arange(6) * np.log(2)
    minima = FLAT.noise / np.sqrt(FLAT.sizes) * rng.standard_normal((20_000, 6))
    fitted = np.polynomial.polynomial.polyfit(u, minima.T, powers - 1)
    ends = np.polynomial.polynomial.polyval(u[[2, 5]], fitted)
    fall = ends[:, 0] - ends[:, 1]
    assert fall.std() == pytest.approx(bound.error, rel=0.02)
    least = -np.log1p(-0.01)
    assert np.mean(fall + 1.96 * bound.error < least) == pytest.approx(bound.power, abs=0.015)


def test_the_more_is_assumed_the_more_can_be_told_and_verdicts_do_not_beat_it():
    assert STRAIGHT.power > 0.8 > BENT.power > ANY.power
    said = pd.read_csv(ROOT / "analysis/results/calibration/verdicts.csv").set_index("design")
    assert said.loc["flat", "refuted"] <= BENT.power


def test_four_times_the_least_gain_cannot_be_predicted_at_the_demos_cost():
    fourfold = next(design for design in designs.DESIGNS if design.name == "fourfold")
    bound = power.bounds(fourfold)[0]
    assert bound.power > 0.99
    assert bound.narrowest > bound.step
