"""Curves of runs with different learning rates: the planted law comes back, held-out runs too."""

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis.curves import points as curves
from tests.analysis.planted_curves import TRUTH, area, schedules
from tests.analysis.planted_curves import curves as planted
from vdit.errors import InputError

HELD = "run_id == 'cosine4000'"


def fit(table, **options):
    return analysis.fit(table, "annealing", unannealed=True, **options).to_json()


@pytest.mark.parametrize("kind", ["constant", "cosine", "wsd"])
def test_the_annealing_area_is_the_papers_sum_of_sums(kind):
    rates = schedules(300)[kind]
    np.testing.assert_allclose(curves.area(rates, 50.0), area(rates, 50.0), atol=1e-12)


def test_the_planted_law_comes_back_without_noise_and_says_a_schedule_it_has_not_seen():
    found = fit(planted(np.random.default_rng(0), noise=(0, 0)), hold_out="schedule == 'cosine'")
    assert found["parameters"] == pytest.approx(TRUTH, rel=1e-3)
    assert found["derived"]["lambda"] == pytest.approx(1 - 1 / 200, rel=1e-4)
    assert found["status"]["word"] == "converged"
    for said in found["predicted"]:
        assert said["predicted"] == pytest.approx(said["observed"], rel=1e-4)
    assert "cosine4000, step 4000: observed" in "\n".join(found["lines"])


def test_planted_parameters_and_a_held_out_run_lie_in_their_intervals():
    inside, held = 0, 0
    for seed in range(6):
        found = fit(planted(np.random.default_rng(seed), noise=(0.002, 0.004)), hold_out=HELD)
        ends = found["intervals"]
        inside += sum(ends[k][0] < truth < ends[k][1] for k, truth in TRUTH.items())
        assert ends["alpha"][1] - ends["alpha"][0] < 0.1 * TRUTH["alpha"]
        (said,) = found["predicted"]
        held += said["interval"][0] < said["observed"] < said["interval"][1]
    assert inside >= 27  # of 30
    assert held >= 5  # of 6


def test_sizes_have_a_term_of_their_own():
    parts = []
    for params in (1e7, 4e7, 2e8):
        table = planted(np.random.default_rng(0), lengths=(2000,), noise=(0, 0))
        table = table.assign(loss=table["loss"] + 300 * params**-0.4, params=params)
        parts.append(table.assign(run_id=table["run_id"] + f"n{params:g}"))
    table = pd.concat(parts, ignore_index=True)
    found = fit(table)["parameters"]
    assert found["B"] == pytest.approx(300, rel=0.02)
    assert found["beta"] == pytest.approx(0.4, rel=0.02)


def test_what_is_missing_is_one_line():
    table = planted(np.random.default_rng(0), kinds=("constant",))
    with pytest.raises(InputError, match="the learning rate of no run falls"):
        fit(table)
    with pytest.raises(InputError, match="one row a run"):
        fit(table.groupby("run_id").tail(1))
    with pytest.raises(InputError, match="no column 'lr_final'"):
        fit(table.drop(columns="lr_final"))
