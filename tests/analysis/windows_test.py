"""Forecasts average over fits with the smallest budget and without."""

import dataclasses
import functools

import numpy as np
import pandas as pd
import pytest

from analysis import calibrate
from analysis.calibration import table
from analysis.calibration import windows as calibrated
from analysis.calibration.designs import FRONTIERS
from analysis.fitting import budgets
from analysis.frontier import backtest, forecast, runs
from analysis.laws import forms
from tests.analysis.backtest_test import COLUMNS, measured, on_a_law, sweep
from vdit.errors import InputError

LEFT_OUT = {"all": (0,), "both": (0, 1)}


early, floor = (FRONTIERS[name] for name in ("early", "floor"))


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
    assert "hangs on the smallest budget" in forecast.smallest_budget([hanging])
    words = forecast.smallest_budget([steady])
    assert f"without the smallest {steady.windows[1]:.4f}" in words
    assert "hangs" not in words
    for one in (hanging, steady):
        assert min(one.windows) < one.loss < max(one.windows)
    assert forecast.smallest_budget([dataclasses.replace(hanging, tested=2.0)]) == ""
    assert forecast.smallest_budget([said(early)[0]["all"]]) == ""


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


def test_the_gain_is_of_budgets_that_a_window_holds():
    """Of four budgets that span eightfold, that window is no range any more without the first."""
    short = on_a_law(early).first(4)
    by_all = forecast.outlook(short, left_out=(0,)).gain()
    both = forecast.outlook(short).gain()
    assert np.ptp(both.interval) < 1.5 * np.ptp(by_all.interval)
    assert both.interval[0] < 1 - np.exp(early(np.log(8)) - early(0)) < both.interval[1]


def test_a_plan_is_of_the_window_nearest_to_the_forecast():
    found = on_a_law(early, 4e-3)
    whole = forecast.outlook(found)
    law = budgets.forecast_law(whole, found, np.random.default_rng(0))
    far = whole.at(8 * float(np.exp(found.log_c[-1])))
    planned = forms.of_compute(far.flops, law.reference, **law.parameters)
    by_all, later = (np.exp(p.value(np.log(far.flops)).item())
                     for p in whole.stack.laws[whole.trials.chosen].parts)  # fmt: skip
    assert planned == pytest.approx(later)
    assert abs(np.log(later / far.loss)) < abs(np.log(by_all / far.loss))


def test_a_law_of_the_later_window_alone_is_no_law_of_all(monkeypatch):
    rows = sweep(budgets=4)
    fit, every = runs.fit, len(rows)
    monkeypatch.setattr(runs, "fit", lambda name, seen, by: (
        None if len(seen) == every else fit(name, seen, by)))  # fmt: skip
    laws = backtest.fitted(measured(rows), rows, COLUMNS)
    assert {"frontier", "curved"} <= set(laws)
    assert "chinchilla" not in laws


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


def test_the_command_plants_sweeps_for_every_window(monkeypatch, capsys):
    def alone(work, sweeps, seed, chosen, *rest):
        return [work((design, seed, 0, sweeps)) for design in chosen]

    monkeypatch.setattr(table, "shared", alone)
    monkeypatch.setattr(calibrated, "WINDOWS", {"both": (0, 1)})
    calibrate.main(["--windows", "--sweeps", "1", "--design", "few"])
    _, *rows = capsys.readouterr().out.splitlines()
    assert [row.split()[:3] for row in rows] == [["few", "2.0", "both"], ["few", "8.0", "both"]]


def test_the_command_asks_prefixes_of_a_table(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(calibrated, "WINDOWS", {"all budgets": (0,), "both": (0, 1)})
    tables = {
        "whole": sweep(budgets=5, seeds_at=1),
        "short": sweep(budgets=4),
        "bare": sweep(budgets=5, seeds_at=0).groupby("flops_budget").head(1),
    }
    for name, rows in tables.items():
        rows.assign(loss=rows["loss_ema"]).to_csv(tmp_path / f"{name}.csv", index=False)
    out = tmp_path / "prefixes.csv"
    calibrate.main(["--prefixes", str(tmp_path / "whole.csv"), "--out", str(out)])
    assert pd.read_csv(out, dtype=str, na_filter=False)["warned"].tolist() == ["", "0"]
    assert "whole.csv    2.0" in capsys.readouterr().out
    with pytest.raises(InputError, match=r"short\.csv: 4 budgets, expected 5 or more"):
        calibrate.main(["--prefixes", str(tmp_path / "short.csv")])
    with pytest.raises(InputError, match=r"bare\.csv: no noise is known of its first 4 budgets"):
        calibrate.main(["--prefixes", str(tmp_path / "bare.csv")])
