"""The order of abilities: planted scores pass half of their bound where they were made to."""

import math

import numpy as np
import pandas as pd
import pytest

from analysis.scores import curve, order, words
from tests.analysis.scores_test import FLOPS, sweep


def crossing(score, error=0.01, rng=None, lower=False, **beside):
    table, fit = sweep(score, error, rng=rng)
    table = table.assign(M_lower_is_better=lower, **({} if lower else {"M_real": 1.0}), **beside)
    (found,) = order.order(curve.curves(table, fit), table, fit)
    return found


def test_a_line_in_log_compute_passes_half_where_it_was_made_to():
    """Up by .1 a doubling: half of .9 is passed between the fifth and the sixth budget."""
    found = crossing(lambda c, u: 0.1 * c, error=1e-6, M_coded=0.9)
    assert found.half == 0.45
    assert found.flops == pytest.approx(FLOPS[0] * 2**4.5, rel=1e-3)
    assert found.loss == pytest.approx((6.0 * 7.0) ** -0.15, rel=1e-3)


def test_an_error_is_half_way_from_holding_the_last_frame():
    found = crossing(lambda c, u: 7 - c, 1e-6, lower=True, M_coded=1.0, M_still=6.0)
    assert found.half == 3.5
    assert found.flops == pytest.approx(FLOPS[0] * 2**3.5, rel=1e-3)


def test_intervals_hold_the_truth_as_often_as_they_say():
    """The score is minus log loss: nothing but its own error scatters about that."""

    def score(c, u):
        return 0.3 * np.log(2 + c) - 0.03 * u**2

    rng = np.random.default_rng(2)
    truth = crossing(score, 1e-6, M_coded=0.9).flops
    held = []
    for _ in range(40):
        low, high = crossing(score, 0.02, rng, M_coded=0.9).interval
        held.append(low <= truth <= high)
    assert 0.85 <= np.mean(held) < 1


def test_what_has_not_passed_or_had_before_is_said():
    late = crossing(lambda c, u: 0.01 * c, 0.001, M_coded=0.9)
    early = crossing(lambda c, u: 0.5 + 0.01 * c, 0.001, M_coded=0.9)
    assert (late.flops, early.flops) == (math.inf, 0.0)
    assert math.isnan(late.loss)
    assert late.foretold is None
    assert words.order([late], FLOPS[0])[1:] == ["not yet: M"]
    assert "before" in words.order([early], FLOPS[0])[1]


def test_an_error_that_goes_with_the_loss_is_foretold_and_one_that_jumps_is_not():
    def of_loss(c, u):
        return 10 * (2.0 + c) ** -0.3 * np.exp(0.03 * u**2)

    steady = crossing(of_loss, 0.01, lower=True, M_coded=0.0, M_still=11.2)
    low, high = steady.foretold.interval
    assert low < steady.half < high < low + 0.3
    jump = crossing(
        lambda c, u: of_loss(c, u) - 2 * (c > 5), 0.01, lower=True, M_coded=0.0, M_still=9.0
    )
    assert jump.foretold.interval[0] > jump.half


def test_scores_that_nothing_bounds_have_no_half():
    table, fit = sweep(lambda c, u: 10 + c)
    for beside in (
        {},
        {"M_coded": 40.0},
        {"M_coded": 40.0, "M_real": 100.0},
    ):  # the last two a PSNR
        bounded = table.assign(**beside)
        assert order.order(curve.curves(bounded, fit), bounded, fit) == []


def test_a_share_that_no_clip_has_comes_without_an_error():
    table, fit = sweep(lambda c, u: np.maximum(0.2 * (c - 2), 0), 1e-9)
    known = table["M"] > 1e-3
    table = table.assign(M_se=np.where(known, 0.05, 0.0), M=table["M"].where(known, 0.0))
    table = table.assign(M_coded=1.0, M_real=1.0)
    (found,) = order.order(curve.curves(table, fit), table, fit)
    assert found.flops == pytest.approx(FLOPS[0] * 2**4.5, rel=1e-3)


def test_runs_outside_of_the_sweep_foretell_nothing():
    def of_loss(c, u):
        return 10 * (2.0 + c) ** -0.3 * np.exp(0.03 * u**2)

    table, fit = sweep(of_loss, 0.01)
    table = table.assign(M_lower_is_better=True, M_coded=0.0, M_still=11.2)
    other = table.tail(5).assign(flops_budget=0.0, M=1.0)
    (alone,), (beside,) = (
        order.order(curve.curves(rows, fit), rows, fit)
        for rows in (table, pd.concat([table, other], ignore_index=True))
    )
    assert beside.foretold == alone.foretold
