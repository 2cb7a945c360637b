"""A prediction is made once, from what was known, and its interval holds what comes."""

import json
import time

import numpy as np
import pandas as pd
import pytest

from analysis import plan, predict, report
from analysis.fitting import command
from analysis.fitting import table as fitting
from analysis.fitting.result import Fit
from analysis.frontier import prediction, runs
from analysis.frontier.prediction import Prediction
from analysis.table import serial
from tests.analysis.synthetic_sweep import SMALLEST, make_rows, optimum
from tests.paths import ROOT
from vdit.errors import InputError
from vdit.runs.files import read_json


def table_of(budgets, **options):
    return pd.DataFrame(make_rows(budgets, **options))


@pytest.fixture
def files(tmp_path):
    table_of(5).to_csv(tmp_path / "results.csv", index=False)
    return tmp_path / "results.csv", tmp_path / "prediction.json"


def make(table, out, *more):
    predict.main([str(table), "--out", str(out), *more])


def test_the_next_budget_is_predicted_within_half_of_no_change():
    found = prediction.predict(table_of(5))
    truth = optimum(SMALLEST * 32)[1]
    assert found.flops == SMALLEST * 32
    assert found.interval[0] < truth < found.interval[1]  # how often it is: calibrate_test
    assert abs(found.loss - truth) < 0.5 * abs(found.no_change - truth)
    assert np.ptp(found.interval) < 1.5 * abs(found.no_change - truth)
    assert found.run_ids == sorted(table_of(5)["run_id"])


def test_a_prediction_is_left_as_it_is(files, capsys):
    table, out = files
    before = time.time()
    make(table, out)
    first = out.read_text()
    assert before <= json.loads(first)["created"] <= time.time()
    make(table, out)
    table_of(6).to_csv(table, index=False)
    make(table, out)
    assert out.read_text() == first
    said = capsys.readouterr().out
    assert "made from runs of this table" in said
    assert "has been run since" in said


def test_a_prediction_from_other_runs_is_not_replaced_unasked(files):
    table, out = files
    make(table, out)
    first = out.read_text()
    other = table_of(5).iloc[1:]
    other.to_csv(table, index=False)
    with pytest.raises(InputError, match=r"other runs.*--force"):
        make(table, out)
    assert out.read_text() == first
    make(table, out, "--force")
    assert out.read_text() != first


def test_bad_arguments_are_one_clear_line(files):
    table, out = files
    with pytest.raises(InputError, match="--factor is 1"):
        make(table, out, "--factor", "1")
    with pytest.raises(InputError, match="missing column 'fid'"):
        make(table, out, "--loss", "fid")
    table_of(1, seeds_at=0).to_csv(table, index=False)
    with pytest.raises(InputError, match="two budgets"):
        make(table, out)


def test_without_any_measure_of_noise_there_is_no_interval():
    rows = [r for r in make_rows(4, seeds_at=9) if r["run_id"][2:4] == "02"]
    found = prediction.predict(pd.DataFrame(rows))
    assert found.interval is None
    assert found.loss < found.no_change


def test_the_fit_holds_every_law_and_can_be_planned_with(tmp_path, capsys):
    table_of(6).to_csv(tmp_path / "results.csv", index=False)
    out = tmp_path / "fit.json"
    command.main([str(tmp_path / "results.csv"), "--out", str(out), "--law", "chinchilla"])
    fit = json.loads(out.read_text())
    assert set(fit["laws"]) == {"frontier", "power", "local", "curved", "chinchilla"}
    assert fit["parameters"] == fit["laws"]["chinchilla"]["parameters"]
    assert [b["status"]["words"] for b in fit["budgets"]] == ["fitted"] * 6
    planned = plan.plan(Fit.from_json(fit), SMALLEST * 64)
    size, loss = optimum(SMALLEST * 64)
    assert planned.size.value == pytest.approx(size, rel=0.1)
    assert planned.loss.interval[0] < loss < planned.loss.interval[1]
    tokens = SMALLEST * 64 / (6 * planned.size.value)
    assert planned.tokens.value == pytest.approx(tokens, rel=0.01)
    capsys.readouterr()
    plan.main([str(out), "--flops", "1e21"])
    assert "nothing here shows" in capsys.readouterr().out


def test_a_fit_is_the_same_for_the_same_seed():
    one, two = (fitting.fit_table(table_of(4), bootstrap=50, seed=3).to_json() for _ in range(2))
    assert one == two
    assert fitting.fit_table(table_of(4), bootstrap=50, seed=4).to_json() != one


def test_plan_wants_a_fit(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        plan.main([str(tmp_path / "fit.json"), "--flops", "1e12"])
    (tmp_path / "fit.json").write_text("{}")
    with pytest.raises(InputError, match="expected a fit"):
        plan.main([str(tmp_path / "fit.json"), "--flops", "1e12"])


def test_a_law_that_two_sizes_do_not_tell_has_no_vote(capsys, tmp_path):
    """Gamma's error there was a factor of e^5, and the forecast of all laws 0 to 25,880."""
    make(ROOT / "analysis/results/branches/results.csv", tmp_path / "p.json")
    found = json.loads((tmp_path / "p.json").read_text())
    assert set(found["laws"]) == {"frontier", "curved"}
    assert found["interval"][1] - found["interval"][0] < 0.05
    four, two = table_of(4), table_of(4).query("params < 2 * params.min()")
    assert {"chinchilla", "gamma"} <= set(prediction.predict(four).laws)
    assert not {"chinchilla", "gamma"} & set(prediction.predict(two).laws)


def test_what_the_runs_do_not_bound_has_neither_interval_nor_digits(files, capsys):
    table, out = files
    table_of(4, noise=0.5, seeds_at=0).to_csv(table, index=False)
    make(table, out)
    said = capsys.readouterr().out
    found = Prediction.from_json(json.loads(out.read_text()))
    assert (found.interval, found.unbounded) == (None, True)
    assert f"loss about {found.loss:.2g} (no interval: the runs do not bound it)" in said
    report.main([str(table), "--out", str(table.with_name("page.html"))])
    page = table.with_name("page.html").read_text()
    assert "the runs do not bound it" in page
    assert "the gain of compute could not be measured" in page
    assert "or the laws do not bound the gain" in page


def test_a_law_whose_errors_say_nothing_has_no_vote(monkeypatch):
    four = table_of(4)
    monkeypatch.setattr(
        runs.Surface, "tells", lambda self, log_c: self.fit.problem.law.name != "gamma"
    )
    assert "gamma" not in prediction.predict(four).laws
    assert "chinchilla" in prediction.predict(four).laws


def test_a_prediction_comes_back_from_its_file_and_one_of_version_1_is_read():
    made = prediction.predict(table_of(3))
    assert Prediction.from_json(json.loads(json.dumps(serial.to_json(made)))) == made
    old = Prediction.from_json(read_json(ROOT / "analysis/results/demo/prediction.json", "one"))
    assert old.version == 1
    assert old.interval[0] < old.loss < old.interval[1] < old.no_change
