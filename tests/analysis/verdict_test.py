"""The verdict follows its rule: supported, refuted, undecided, each on a sweep made to be so."""

import numpy as np
import pandas as pd
import pytest

from analysis import fit as fitting
from analysis import predict
from analysis.frontier import minima
from analysis.verdict import checks, rule
from tests.analysis.synthetic_sweep import make_rows, scores_of

EARLY = 1_600_000_000.0


def sweep(rows, scored=True):
    rows = [{**row, **{k: v for k, v in scores_of(row).items() if k != "step"}} for row in rows]
    table = pd.DataFrame(rows)
    if not scored:
        table = table.drop(columns=[c for c in table if c.startswith(("obj", "perm", "acc"))])
    return minima.select(table, "loss_ema", "params")[0]


def judge(rows, created=EARLY, change=None, scored=True):
    table = sweep(rows, scored)
    largest = table["flops_budget"].max()
    prediction = predict.predict_table(table[table["flops_budget"] < largest], resamples=300)
    prediction |= {"created": created} | (change or {})
    return rule.judge(table, fitting.fit_table(table, bootstrap=300), prediction)


def test_a_clear_gain_with_a_kept_prediction_and_better_videos_is_supported():
    found = judge(make_rows(6))
    assert found["verdict"] == "supported"
    assert found["prediction"]["before"] is True
    low, high = found["gain"]["interval"]
    assert low < found["gain"]["gain"] < high
    assert found["gain"]["ratio"] == pytest.approx(8)
    assert found["sentence"].startswith("Supported: with 8x more compute")


def test_flat_data_are_refuted_though_an_exponent_could_be_fitted():
    rows = make_rows(6)
    for row in rows:
        bowl = 0.01 * np.log(row["params"] / np.sqrt(row["flops"]) / 0.0645) ** 2
        row["loss_ema"] = 0.5 * np.exp(bowl + 1e-4 * np.sin(row["params"]))
    found = judge(rows)
    assert found["gain"]["interval"][1] < found["gain"]["minimum"]
    assert found["verdict"] == "refuted"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"created": 2e9}, "not known to be older"),
        ({"change": {"loss": 0.9, "interval": [0.85, 0.95]}}, "did not hold"),
        ({"change": {"flops": 1.0}}, "no prediction"),
        ({"scored": False}, "no scores"),
    ],
)
def test_what_is_missing_leaves_it_undecided(options, reason):
    found = judge(make_rows(6), **options)
    assert found["verdict"] == "undecided"
    assert any(reason in given for given in found["reasons"])
    assert reason in found["sentence"]


def test_noise_larger_than_the_gain_is_undecided():
    rows = make_rows(6, noise=0.01)
    for row in rows:
        row["loss_ema"] = (
            0.5 * (row["loss_ema"] / 0.5) ** 0.05 * np.exp(0.01 * np.sin(row["params"]))
        )
    found = judge(rows)
    low, high = found["gain"]["interval"]
    assert low < found["gain"]["minimum"] < high
    assert found["verdict"] == "undecided"


def test_over_fitting_is_seen_and_leaves_it_undecided():
    small = make_rows(6, unique_clips=40, epochs=50.0)
    for row in small:
        row["loss_train"] = 0.8 * row["loss_ema"]
    found = judge(small)
    assert found["overfit"]["flagged"]
    assert found["verdict"] == "undecided"
    assert "over-fit" in found["sentence"]
    for row in small:
        row["loss_train"] = 0.99 * row["loss_ema"]
    found = judge(small)
    assert not found["overfit"]["flagged"]
    assert len(found["overfit"]["repeats"]) == len(small)


def test_a_best_loss_that_rises_with_compute_is_seen():
    rows = make_rows(6)
    for row in rows:
        if row["flops_budget"] == rows[-1]["flops_budget"]:
            row["loss_ema"] *= 1.2
    table = sweep(rows)
    found = checks.overfit(table, fitting.fit_table(table, bootstrap=50))
    assert found["rises"] == [rows[-1]["flops_budget"]]


def test_a_score_must_improve_by_more_than_its_error_and_in_its_own_direction():
    table = sweep(make_rows(6))
    fit = fitting.fit_table(table, bootstrap=50)
    assert {s["name"]: s["improves"] for s in checks.compare_scores(table, fit)} == {
        "objects_agree": True,
        "permanence": True,
        "acceleration": True,
    }
    noisy = table.assign(objects_agree_se=0.5, acceleration=2 - table["acceleration"])
    improves = {s["name"]: s["improves"] for s in checks.compare_scores(noisy, fit)}
    assert improves == {"objects_agree": False, "permanence": True, "acceleration": False}


def test_the_paired_error_widens_the_gain():
    table = sweep(make_rows(6))
    fit = fitting.fit_table(table, bootstrap=300)
    alone, paired = (checks.gain(t, fit) for t in (table, table.assign(loss_pair_se=0.02)))
    assert paired["gain"] == alone["gain"]
    assert np.ptp(paired["interval"]) > 2 * np.ptp(alone["interval"])
