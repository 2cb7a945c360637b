"""Predictions are put beside what their budgets gave: planted numbers, planted times."""

import hashlib
import json

import pandas as pd
import pytest

from analysis import collect, outcome
from analysis.figures import style
from analysis.figures.predicted import predicted
from analysis.fitting.table import fit_table
from analysis.frontier.prediction import predict
from analysis.table import serial
from tests.analysis.synthetic_sweep import SMALLEST, make_rows, write_root
from vdit.errors import InputError

EARLY, LATE = 1.5e9, 2.5e9  # runs start in between
NEXT = 32 * SMALLEST


@pytest.fixture(scope="module")
def whole():
    """Six budgets; the fifth and sixth are predicted from the four before."""
    table = pd.DataFrame(make_rows(6)).assign(started=2e9, position=1.0, position_se=0.1)
    return table.assign(position_lower_is_better=True)


@pytest.fixture(scope="module")
def prediction(whole):
    before = whole[whole["flops_budget"] < NEXT / 2]
    found = serial.to_json(predict(before, further=(4.0,))) | {"created": EARLY}
    for one in found["ahead"]:
        one["scores"] = {"position": {"compute": {"value": 2.0, "interval": [1.5, 2.5]}}}
    return found


@pytest.fixture
def files(tmp_path, whole, prediction):
    whole.to_csv(tmp_path / "results.csv", index=False)
    (tmp_path / "first.json").write_text(json.dumps(prediction))
    return tmp_path / "results.csv", tmp_path / "first.json"


def run(table, *paths):
    out = table.parent / "outcome.csv"
    outcome.main([str(table), *map(str, paths), "--csv", str(out)])
    return pd.read_csv(out)


def test_a_good_prediction_is_inside_and_a_moved_one_is_not(files, prediction):
    table, path = files
    found = run(table, path)
    loss = found[(found["quantity"] == "loss") & (found["law"] == outcome.STACK)]
    assert loss["flops"].tolist() == [NEXT / 2, NEXT]
    assert loss["times"].tolist() == [2, 4]
    assert loss["inside"].tolist() == [True, True]
    assert loss["error"].abs().max() < 0.02
    higher = [
        one | {"loss": one["loss"] * 1.1, "interval": [x * 1.1 for x in one["interval"]]}
        for one in prediction["ahead"]
    ]
    path.write_text(json.dumps(prediction | {"ahead": higher}))
    moved = run(table, path)
    moved = moved[(moved["quantity"] == "loss") & (moved["law"] == outcome.STACK)]
    assert moved["inside"].tolist() == [False, False]
    assert moved["error"].to_numpy() == pytest.approx(1.1 * (1 + loss["error"].to_numpy()) - 1)


def test_scores_and_sizes_have_their_own_truth(files):
    found = run(*files)
    score = found[found["quantity"] == "position"]
    assert (score["truth"] == 1.0).all()
    assert (score["error"] == 1.0).all()
    assert not score["inside"].any()
    size = found[found["quantity"] == "size"]
    assert (size["low"] < size["truth"]).all()


def test_a_prediction_after_the_first_start_is_late(files, prediction, capsys):
    table, path = files
    assert not run(table, path)["late"].any()
    path.write_text(json.dumps(prediction | {"created": LATE}))
    assert run(table, path)["late"].all()
    assert "  late" in capsys.readouterr().out


def test_the_picture_has_the_interval_of_each_budget_ahead(files, whole, prediction):
    table, path = files
    out = table.with_name("outcome.png")
    outcome.main([str(table), str(path), "--png", str(out)])
    assert out.read_bytes().startswith(b"\x89PNG")
    told = outcome.read(path)
    before = whole[whole["flops_budget"] < NEXT / 2]
    fit = fit_table(before, "frontier", loss=told.columns["loss"])
    (axis,) = predicted(before, fit, {"first": told}, style.LIGHT).axes
    (fan,) = axis.collections
    corners = {(float(x), float(y)) for x, y in fan.get_paths()[0].vertices}
    for one in told.ahead:
        assert {(one.flops, end) for end in one.interval} <= corners
    assert [tick.get_text() for tick in axis.get_xticklabels()] == [f"{2**i}×" for i in range(6)]


def test_each_run_has_the_newest_prediction_of_before_its_start(files, prediction, whole):
    _, first = files
    second, late = first.with_name("second.json"), first.with_name("late.json")
    second.write_text(json.dumps(prediction | {"created": EARLY + 1}))
    late.write_text(json.dumps(prediction | {"created": LATE}))
    digests = pd.Series(outcome.in_force(whole, [late, second, first]))
    spoken_of = whole["flops_budget"] >= NEXT / 2
    newest = hashlib.sha256(second.read_bytes()).hexdigest()
    assert (digests[spoken_of] == newest).all()
    assert (digests[~spoken_of] == "").all()


def test_collect_writes_it_down(tmp_path, files):
    root = tmp_path / "root"
    write_root(root, make_rows(2))
    out = tmp_path / "collected.csv"
    collect.main(["--root", str(root), "--out", str(out), "--predictions", str(files[1])])
    assert "prediction" in pd.read_csv(out).columns


def test_the_truth_is_of_the_loss_that_was_predicted(files, prediction, whole):
    table, path = files
    whole.assign(loss=2 * whole["loss_ema"]).to_csv(table, index=False)
    path.write_text(json.dumps(prediction | {"columns": {"loss": "loss", "size": "params"}}))
    found = run(table, path)
    loss = found[(found["quantity"] == "loss") & (found["law"] == outcome.STACK)]
    assert loss["error"].to_numpy() == pytest.approx(-0.5, abs=0.02)


def test_other_runs_of_the_budget_neither_count_nor_make_it_late(files, whole):
    table, path = files
    found = run(table, path)
    others = whole.assign(kind="b", loss_ema=whole["loss_ema"] / 2, started=0.0)
    pd.concat([whole.assign(kind="a"), others]).to_csv(table, index=False)
    pd.testing.assert_frame_equal(run(table, path, "--where", "kind == 'a'"), found)


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"flops": "1e12"}, "first.json: damaged"), ({"ahead": []}, "first.json: of an older")],
)
def test_what_is_no_prediction_ahead_is_named(files, prediction, changed, said):
    table, path = files
    path.write_text(json.dumps(prediction | changed))
    with pytest.raises(InputError, match=said):
        run(table, path)


def test_a_table_without_starts_is_named(files, whole):
    table, path = files
    whole.drop(columns="started").to_csv(table, index=False)
    with pytest.raises(InputError, match="no column started"):
        run(table, path)
