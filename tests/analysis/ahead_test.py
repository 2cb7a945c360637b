"""What is written down of budgets to come: loss, best size and scores, against planted laws."""

import json

import numpy as np
import pandas as pd
import pytest

from analysis import predict
from tests.analysis.synthetic_sweep import SMALLEST, make_rows, optimum
from vdit.errors import InputError

LARGEST = 16 * SMALLEST


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A sweep of five budgets whose score falls by .05 as its loss falls by a tenth."""
    table = pd.DataFrame(make_rows(5))
    noise = 0.002 * np.random.default_rng(0).standard_normal(len(table))
    score = score_of(table["loss_ema"]) + noise
    table = table.assign(position=score, position_se=0.002, position_n=64)
    path = tmp_path_factory.mktemp("ahead") / "results.csv"
    table.assign(position_lower_is_better=True).to_csv(path, index=False)
    return path


def score_of(loss):
    return 2.0 + 0.5 * np.log(loss)


@pytest.fixture(scope="module")
def ahead(planted):
    out = planted.parent / "prediction.json"
    asked = ["--factor", "2", "8", "--scores", "position", "--out", str(out)]
    predict.main([str(planted), *asked])
    return json.loads(out.read_text())["ahead"]


def test_every_factor_is_said_with_its_budget(ahead):
    assert [(one["factor"], one["flops"]) for one in ahead] == [(2, 2 * LARGEST), (8, 8 * LARGEST)]


def test_loss_and_best_size_are_those_planted(ahead):
    for one in ahead:
        size, loss = optimum(one["flops"])
        assert one["interval"][0] < loss < one["interval"][1]
        low, high = one["size"]["interval"]
        assert low < size < high
        assert high / low < 4


def test_a_score_comes_by_compute_and_by_loss(ahead):
    for one in ahead:
        truth = score_of(optimum(one["flops"])[1])
        by_loss = one["scores"]["position"]["loss"]
        assert by_loss["value"] == pytest.approx(truth, abs=0.02)
        low, high = one["scores"]["position"]["compute"]["interval"]
        assert low < truth < high


def test_a_score_that_the_table_lacks_is_named(planted):
    with pytest.raises(InputError, match="--scores permanence: expected a score that two budgets"):
        predict.main([str(planted), "--scores", "permanence", "--out", str(planted.parent / "p")])
