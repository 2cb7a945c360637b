"""Laws are judged by budgets they have not seen, and what they have not seen can't reach them."""

import dataclasses
import json
import types

import numpy as np
import pandas as pd
import pytest

from analysis.calibration import designs
from analysis.calibration.frontier import COLUMNS as PLANTED
from analysis.calibration.frontier import seen
from analysis.calibration.table import stream
from analysis.frontier import backtest, forecast, minima, runs
from analysis.frontier.rollout import Rollout
from analysis.page import sections
from analysis.table import serial
from tests.analysis.synthetic_sweep import FLOPS_PER_ND, SMALLEST, make_rows, optimum

COLUMNS = {"params": "params", "tokens": "tokens", "flops": "flops", "loss": "loss_ema"}


def measured(rows):
    return minima.measure(rows, "loss_ema", "params")[1]


def sweep(noise=0.002, budgets=6, **options):
    rows = pd.DataFrame(make_rows(budgets, noise=noise, **options))
    return rows.assign(flops=FLOPS_PER_ND * rows["params"] * rows["tokens"])


def on_a_law(log_loss, error=1e-3):
    """Minima of six budgets on a given curve of log loss."""
    log_c = np.log(np.geomspace(1e12, 32e12, 6))
    rows = sweep()
    found = measured(rows)
    covariance = error**2 * np.eye(6)
    loss = np.exp(log_loss(log_c - log_c[0]))
    known = {"run_covariance": covariance, "own": 0.0, "run_df": 12.0}
    return dataclasses.replace(found, log_c=log_c, loss=loss, **known)


@pytest.fixture(scope="module")
def rows():
    return sweep()


@pytest.fixture(scope="module")
def whole(rows):
    return forecast.outlook(measured(rows), rows, COLUMNS)


def test_every_pair_of_a_fit_and_a_later_budget_is_a_trial(whole):
    pairs = sorted((trial.fitted, trial.horizon) for trial in whole.trials.trials)
    assert pairs == [(k, h) for k in range(2, 6) for h in range(1, 7 - k)]
    assert whole.stack.tested == pytest.approx(16)
    tried = whole.trials
    one = [np.log(t.predicted["power"] / t.observed) for t in tried.trials
           if t.horizon == 2]  # fmt: skip
    assert tried.horizons["power"][2] == pytest.approx(np.sqrt(np.mean(np.square(one))))
    assert tried.counts["power"] == {1: 4, 2: 3, 3: 2, 4: 1}
    told = json.loads(json.dumps(serial.to_json(tried), allow_nan=False))
    assert serial.from_json(Rollout, told) == tried


def test_budgets_held_out_do_not_reach_the_prediction(rows, whole):
    found = measured(rows)
    spoilt = rows.assign(loss_ema=rows["loss_ema"].where(rows["flops_budget"] < SMALLEST * 9, 9.0))
    laws = backtest.fitted(found.first(4), spoilt, COLUMNS)
    log_c = float(found.log_c[-1])
    trial = next(t for t in whole.stack.trials if (t.fitted, t.at) == (4, 5))
    for name, law in laws.items():
        said = law.at(log_c, found.loss_covariance[5, 5])
        assert said.quantile(0.5) == pytest.approx(trial.said[name].quantile(0.5), abs=1e-12), name


def test_the_law_that_was_planted_gets_the_weight():
    bent = forecast.outlook(on_a_law(lambda u: -0.05 * u - 0.02 * u**2))
    assert bent.trials.weights["curved"] > 0.95
    floor = forecast.outlook(on_a_law(lambda u: np.log(0.5 + np.exp(-0.4 * u)), 3e-4))
    assert floor.trials.weights["frontier"] > 0.6
    assert floor.trials.rms["frontier"] < 0.5 * floor.trials.rms["power"]


def test_a_special_case_does_not_vote_but_where_no_law_was_tested(whole):
    found = whole.minima
    near = whole.at(2 * np.exp(found.log_c[-1]))
    far = whole.at(64 * np.exp(found.log_c[-1]))
    assert set(near.laws) == set(backtest.STACKED)
    assert not near.beyond
    assert far.beyond
    assert set(far.laws) > {"power", "local"}
    assert {law.weight for law in far.laws.values()} == {1 / len(far.laws)}
    inside = [low < far.loss < high for low, high in (v.interval for v in far.laws.values())]
    ends = [v.interval for v in far.laws.values()]
    assert far.interval[0] < max(e[0] for e in ends)  # the laws' disagreement is inside
    assert any(inside)


def test_the_page_says_of_each_forecast_whether_laws_were_tried_so_far(whole):
    """Never an interval without it: the budgets are six, so that laws were tried up to 16x."""
    largest = float(np.exp(whole.minima.log_c[-1]))
    near, far = whole.at(8 * largest), dataclasses.replace(whole.at(8 * largest), tested=4.0)
    fit = types.SimpleNamespace(rollout=whole.trials, slopes=(), forecasts=(near, far))
    _, _, *told = sections.forecasts(fit).split("<tr")
    ends = "{:.4f} to {:.4f}".format(*near.interval)
    assert [ends in row for row in told] == [True, True]
    untried = "no law was tried so far ahead (at most 16×)"
    assert [untried in row for row in told] == [False, True]


def test_a_curve_that_bends_down_is_held():
    found = on_a_law(lambda u: -0.05 * u - 0.01 * u**2, 2e-3)
    said = forecast.outlook(found).at(float(np.exp(found.log_c[-1]) * 2))
    u = found.log_c[-1] + np.log(2) - found.log_c[0]
    assert said.interval[0] < np.exp(-0.05 * u - 0.01 * u**2) < said.interval[1]


def test_point_and_interval_are_of_one_mixture(whole):
    said = whole.at(SMALLEST * 64)
    truth = optimum(SMALLEST * 64)[1]
    assert said.interval[0] < said.loss < said.interval[1]
    assert said.interval[0] < truth < said.interval[1]
    losses = [law.loss for law in said.laws.values()]
    assert min(losses) < said.loss < max(losses)


def test_the_gain_is_of_the_last_eightfold_or_none(whole):
    gain = whole.gain()
    truth = 1 - optimum(SMALLEST * 32)[1] / optimum(SMALLEST * 4)[1]
    assert gain.interval[0] < truth < gain.interval[1]
    assert (gain.from_, gain.to) == pytest.approx((SMALLEST * 4, SMALLEST * 32))
    short = sweep(budgets=3)
    assert forecast.outlook(measured(short)).gain() is None


def test_with_two_budgets_nothing_was_tested_and_all_laws_weigh_alike():
    found = forecast.outlook(measured(sweep(budgets=2, seeds_at=0)))
    assert found.stack.tested == 1
    assert found.at(SMALLEST * 4).beyond


def test_the_table_for_people_names_every_law(whole):
    text = "\n".join(whole.trials.lines())
    assert all(name in text for name in (*whole.stack.laws, "no change"))
    assert "apart" in text


def test_a_law_whose_errors_are_lost_in_rounding_still_says_how_far_it_may_be_off():
    """gamma, of six parameters, through ten runs: their covariance gives variances below zero."""
    (design,) = (one for one in designs.DESIGNS if one.name == "falling")
    table = seen(design, designs.sweep(design, stream(design, 0, 936)))
    budgets = sorted(table["flops_budget"].unique())
    told = runs.fit("gamma", table[table["flops_budget"] < 1.5 * budgets[1]], PLANTED)
    ends = np.array([told.at(np.log(flops)).interval() for flops in budgets])
    assert np.isfinite(ends).all()
    assert (np.ptp(ends, axis=1) > 0).all()
