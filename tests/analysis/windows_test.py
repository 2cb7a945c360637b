"""Forecasts average over fits with the smallest budget and without."""

import dataclasses
import functools

import numpy as np
import pytest

from analysis.calibration import windows as calibrated
from analysis.frontier import backtest, forecast
from tests.analysis.backtest_test import COLUMNS, measured, on_a_law, sweep

LEFT_OUT = {"all": (0,), "both": (0, 1)}


def early(u):
    """A straight line in logs; the smallest budget lies 3.5 % above it, the next .4 %."""
    return -0.11 * u + 0.035 * np.exp(-3 * u)


def floor(u):
    """What the law with a floor says of the long curve up to 32x."""
    return np.log(0.49 + 0.585 * np.exp(-0.27 * u))


@functools.cache
def said(curve, times=8.0, error=4e-3):
    """({window: forecast at `times` the largest budget}, the truth) of six budgets on a curve."""
    found = on_a_law(curve, error)
    flops = times * float(np.exp(found.log_c[-1]))
    told = {name: forecast.outlook(found, left_out=out) for name, out in LEFT_OUT.items()}
    truth = float(np.exp(curve(np.log(32 * times))))
    return {name: whole.at(flops) for name, whole in told.items()}, truth


def test_a_smallest_budget_above_the_law_misleads_less():
    told, truth = said(early)
    off = {name: np.log(one.loss / truth) for name, one in told.items()}
    assert off["all"] > 0.03
    assert abs(off["both"]) < 0.7 * off["all"]
    low, high = told["both"].interval
    assert low < truth < high
    by_all, without = told["both"].windows
    assert without < by_all
    assert abs(np.log(without / truth)) < 0.02


def test_a_true_floor_costs_width_but_is_held():
    told, truth = said(floor)
    low, high = told["both"].interval
    assert low < truth < high
    assert abs(np.log(told["both"].loss / truth)) < 0.02


def test_what_a_forecast_owes_to_the_smallest_budget_is_said():
    hanging, steady = (said(curve)[0]["both"] for curve in (early, lambda u: -0.11 * u))
    assert hanging.hangs_on_smallest
    assert not steady.hangs_on_smallest
    assert "hangs on the smallest budget" in forecast.sensitivity([hanging])
    words = forecast.sensitivity([steady])
    assert f"without the smallest {steady.windows[1]:.4f}" in words
    assert "hangs" not in words
    assert forecast.sensitivity([dataclasses.replace(hanging, tested=2.0)]) == ""
    assert forecast.sensitivity([said(early)[0]["all"]]) == ""


def test_the_later_window_does_not_see_the_smallest_budget():
    rows = sweep(budgets=4)
    spoilt = rows["flops_budget"].eq(rows["flops_budget"].min())
    found = measured(rows).first(4)
    loss = np.where(np.arange(4) == 0, 9.0, found.loss)
    other = rows.assign(loss_ema=rows["loss_ema"].where(~spoilt, 9.0))
    laws = backtest.fitted(found, rows, COLUMNS)
    moved = backtest.fitted(dataclasses.replace(found, loss=loss), other, COLUMNS)
    ahead = float(found.log_c[-1] + 1)
    for name, law in laws.items():
        whole, later = law.parts
        assert moved[name].parts[1].value(ahead) == pytest.approx(later.value(ahead), abs=1e-12)
        assert law.value(ahead) == pytest.approx((whole.value(ahead) + later.value(ahead)) / 2)
    assert abs(moved["power"].whole.value(ahead) - laws["power"].whole.value(ahead)) > 0.1


def test_two_budgets_have_one_window():
    found = on_a_law(early).first(2)
    assert all(len(law.parts) == 1 for law in backtest.fitted(found).values())
    assert forecast.outlook(found).at(1e14).windows is None


def test_prefixes_are_asked_for_the_budget_that_came_and_do_not_see_it(monkeypatch):
    monkeypatch.setattr(calibrated, "WINDOWS", {"both": (0, 1)})
    rows = sweep(budgets=5)
    (times, window, told), *more = calibrated.of_prefixes(rows, COLUMNS)
    assert (times, window, more) == (2.0, "both", [])
    last = rows["flops_budget"].eq(rows["flops_budget"].max())
    higher = rows.assign(loss_ema=rows["loss_ema"].where(~last, rows["loss_ema"] * np.exp(0.1)))
    other = next(calibrated.of_prefixes(higher, COLUMNS))[2]
    assert other.error == pytest.approx(told.error - 0.1, abs=1e-3)
    assert other.width == told.width


def test_a_row_counts_what_held():
    told = [calibrated.Told(0.03, True, 0.1, True), calibrated.Told(-0.01, False, 0.2, False)]
    row = calibrated.row("planted", 2.0, "both", told)
    assert row["rms"] == pytest.approx(100 * np.sqrt((0.03**2 + 0.01**2) / 2), abs=1e-3)
    assert (row["bias"], row["inside"], row["width"], row["warned"]) == (1.0, 1, 15.0, 1)
    assert calibrated.row("planted", 2.0, "all budgets", told)["warned"] is None
