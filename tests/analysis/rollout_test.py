"""Laws are judged by budgets they have not seen, and what they have not seen can't reach them."""

import json

import numpy as np
import pandas as pd
import pytest

from analysis.frontier import minima, rollout
from tests.analysis.synthetic_sweep import FLOPS_PER_ND, SMALLEST, make_rows, optimum

COLUMNS = {"params": "params", "tokens": "tokens", "flops": "flops", "loss": "loss_ema"}
ROW_LAWS = {"chinchilla", "gamma", "kaplan"}


def measured(rows):
    return minima.measure(rows, "loss_ema", "params", 200)[1]


@pytest.fixture(scope="module")
def sweep():
    rows = pd.DataFrame(make_rows(6, noise=0.0, seeds_at=9))
    rows["flops"] = FLOPS_PER_ND * rows["params"] * rows["tokens"]
    return rows


@pytest.fixture(scope="module")
def tried(sweep):
    return rollout.rollout(measured(sweep), sweep, COLUMNS)


def test_a_planted_law_of_the_runs_predicts_its_own_future(tried):
    assert set(tried["rms"]) > ROW_LAWS
    # What is left is the parabola's own error in the minima it is compared with.
    assert tried["rms"]["chinchilla"] < 0.002
    assert tried["rms"]["chinchilla"] < 0.3 * tried["rms"]["power"]
    truth = optimum(SMALLEST * 64)[1]
    assert tried["next"]["flops"] == pytest.approx(SMALLEST * 64)
    assert tried["next"]["predicted"]["chinchilla"] == pytest.approx(truth, rel=1e-5)


def test_every_pair_of_a_fit_and_a_later_budget_is_a_trial(tried):
    pairs = [(trial["fitted"], trial["horizon"]) for trial in tried["trials"]]
    assert sorted(pairs) == [(3, 1), (3, 2), (3, 3), (4, 1), (4, 2), (5, 1)]
    assert all(set(by) == {"1", "2", "3"} for by in tried["horizons"].values())
    for method, by in tried["horizons"].items():
        assert by["1"] == tried["rms"][method]
        assert len(tried["errors"][method]) == tried["tests"] == 3
    last = [t for t in tried["trials"] if t["horizon"] == 2][-1]
    before = next(t["observed"] for t in tried["trials"] if t["horizon"] == 1)
    assert last["predicted"]["no change"] == before
    two = [np.log(t["predicted"]["power"] / t["observed"]) for t in tried["trials"]
           if t["horizon"] == 2]  # fmt: skip
    assert tried["horizons"]["power"]["2"] == pytest.approx(np.sqrt(np.mean(np.square(two))))


def test_budgets_held_out_do_not_reach_the_prediction(sweep, tried):
    spoilt = sweep.copy()
    late = spoilt["flops_budget"] > SMALLEST * 9
    spoilt.loc[late, "loss_ema"] *= 1.3
    again = rollout.rollout(measured(spoilt), spoilt, COLUMNS)
    for one, other in zip(tried["trials"], again["trials"], strict=True):
        if one["fitted"] <= 4:
            assert other["predicted"] == pytest.approx(one["predicted"], rel=1e-5)
            for law in ROW_LAWS:  # not even through the starts
                assert other["predicted"][law] == pytest.approx(one["predicted"][law], rel=1e-12)
            assert other["observed"] != one["observed"] or one["flops"] < SMALLEST * 9
    assert again["next"]["predicted"] != pytest.approx(tried["next"]["predicted"], rel=0.01)


def test_the_optimum_uses_the_tables_own_flops_per_token(sweep, tried):
    """Twice the operations per token buy half the tokens: the law must see the same runs."""
    double = sweep.assign(flops=2 * sweep["flops"], flops_budget=2 * sweep["flops_budget"])
    again = rollout.rollout(measured(double), double, COLUMNS)
    assert again["next"]["flops"] == pytest.approx(2 * tried["next"]["flops"])
    found, before = (t["next"]["predicted"]["chinchilla"] for t in (again, tried))
    assert found == pytest.approx(before, rel=1e-6)


def test_without_rows_only_laws_in_compute_are_tried(sweep, tried):
    alone = rollout.rollout(measured(sweep))
    assert set(alone["rms"]) == {"power", "local", "frontier", "no change"}
    for key in ("rule", "tests", "chosen"):
        assert alone[key] == tried[key]
    assert alone["rms"] == {method: tried["rms"][method] for method in alone["rms"]}


def test_methods_that_disagree_are_named_beside_the_noise():
    rows = pd.DataFrame(make_rows(6, noise=0.003))
    tried = rollout.rollout(measured(rows), rows, COLUMNS)
    found, coming = tried["disagreement"], tried["next"]["predicted"]
    kept = {method: coming[method] for method in found["methods"]}
    assert "no change" not in kept
    assert found["spread"] == pytest.approx(np.log(max(kept.values()) / min(kept.values())))
    assert kept[found["low"]] == min(kept.values())
    assert 0.001 < found["noise"] < 0.006
    assert f"({found['low']})" in found["sentence"]
    assert "times the noise" in found["sentence"]
    text = rollout.lines(tried)
    assert text[-1] == found["sentence"]
    assert text[-2].startswith("no change")  # the worst of all on a falling frontier
    assert json.loads(json.dumps(tried, allow_nan=False)) == tried


def test_laws_with_too_few_rows_or_budgets_wait():
    rows = pd.DataFrame(make_rows(2, noise=0.0, seeds_at=9))
    tried = rollout.rollout(measured(rows), rows, COLUMNS)
    assert tried["tests"] == 0
    assert tried["chosen"] == "power"
    assert set(tried["rms"].values()) == {None}
    assert set(tried["next"]["predicted"]) >= {"power", "no change"}
    assert "frontier" not in tried["next"]["predicted"]
    assert "no change" not in tried["disagreement"]["methods"]
    rows = pd.DataFrame(make_rows(4, noise=0.0, seeds_at=9))
    thin = rows[(rows["flops_budget"] > SMALLEST * 3) | (rows.index % 5 == 2)]
    tried = rollout.rollout(measured(thin), thin, COLUMNS)
    # The first three budgets hold one, one and five runs: as many rows as gamma needs.
    assert tried["horizons"]["chinchilla"]["1"] is not None
    assert tried["rms"]["gamma"] is not None
    thin = rows[(rows["flops_budget"] > SMALLEST * 7) | (rows.index % 5 == 2)]
    tried = rollout.rollout(measured(thin), thin, COLUMNS)
    assert tried["counts"]["chinchilla"] == {"1": 0}
    assert tried["rms"]["chinchilla"] is None
    assert "chinchilla" in tried["next"]["predicted"]


def test_a_broken_law_is_tried_where_it_has_enough_budgets():
    rows = pd.DataFrame(make_rows(9, noise=0.0, seeds_at=9))
    tried = rollout.rollout(measured(rows), rows, COLUMNS)
    assert tried["counts"]["bnsl"] == {"1": 2, "2": 1, "3": 0, "4": 0, "5": 0, "6": 0}
    assert tried["errors"]["bnsl"][:4] == [None] * 4
    assert tried["rms"]["bnsl"] < 0.3 * tried["rms"]["power"]
    assert tried["horizons"]["bnsl"]["3"] is None
    (line,) = [line for line in rollout.lines(tried) if line.startswith("bnsl")]
    assert "% (2)" in line


@pytest.mark.parametrize(
    ("law", "loss"),
    [
        ("frontier", lambda x: 0.5 + np.exp(-0.4 * x)),
        ("power", lambda x: np.exp(-0.1 * x)),
        ("local", lambda x: np.exp(-0.05 * x - 0.02 * x**2)),
    ],
)
def test_the_law_that_predicts_best_is_chosen_and_the_simplest_of_equals(law, loss):
    log_c = np.log(np.geomspace(1, 32, 6))
    empty = np.zeros((0, 6))
    values, ones = loss(log_c), np.ones((2, 6))
    found = minima.Minima("parabola", [], None, log_c, values, values, empty, empty, ones, 0)
    tried = rollout.rollout(found)
    assert tried["chosen"] == law
    assert tried["disagreement"]["noise"] is None
