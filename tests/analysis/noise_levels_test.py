"""A law for each noise level: planted levels come back, on the page and in fit.json."""

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis.fitting.result import Fit
from analysis.laws import noise_levels
from analysis.page import levels as page
from tests.analysis.synthetic_sweep import optimum
from vdit.errors import InputError

# E, A, B, alpha, beta of each of four levels: the last hardly falls.
PLANTED = (
    (0.30, 9.0, 40.0, 0.34, 0.36),
    (0.20, 12.0, 50.0, 0.34, 0.36),
    (0.10, 20.0, 60.0, 0.38, 0.35),
    (1.10, 1.0, 4.0, 0.34, 0.36),
)


def sweep(noise=0.003, seed=0):
    """Six budgets of five sizes; columns loss_t00 to loss_t03, loss their mean."""
    rng = np.random.default_rng(seed)
    flops = np.repeat(2e11 * 2.0 ** np.arange(6), 5)
    params = np.array([optimum(c)[0] for c in flops]) * np.tile([0.3, 0.6, 1.15, 2.2, 4.2], 6)
    tokens = flops / 6 / params
    table = pd.DataFrame({"params": params, "tokens": tokens, "flops": flops})
    for i, (E, A, B, alpha, beta) in enumerate(PLANTED):
        loss = E + A * params**-alpha + B * tokens**-beta
        table[f"loss_t{i:02d}"] = loss * np.exp(noise * rng.standard_normal(len(loss)))
    table["loss"] = table[[f"loss_t{i:02d}" for i in range(4)]].mean(axis=1)
    return table.assign(flops_budget=flops, run_id=[f"r{i}" for i in range(len(table))])


def test_planted_levels_come_back_in_their_intervals():
    found = analysis.fit(sweep(), "noise_levels", bootstrap=100).to_json()
    assert found["levels"][1]["t"] == [0.25, 0.5]
    inside = 0
    for level, (floor, _, _, alpha, beta) in zip(found["levels"], PLANTED, strict=True):
        for name, truth in (("E", floor), ("g", alpha * beta / (alpha + beta))):
            low, high = level["intervals"][name]
            inside += low < truth < high
    assert inside >= 7  # of 8 intervals of 95 %
    *_, falls, still = found["levels"]
    assert falls["fall"] > 3 * still["fall"]
    assert still["intervals"]["fall"][1] < falls["intervals"]["fall"][0]
    assert found["status"]["word"] == "converged"
    assert len(found["lines"]) == len(PLANTED)


def test_without_noise_they_are_exact_and_rows_without_levels_are_left_out():
    table = sweep(noise=0)
    table.loc[0, "loss_t01"] = np.nan
    roles = table.assign(budget=table["flops_budget"])
    levels = noise_levels.levels(roles, "loss")
    for level, (floor, _, _, alpha, beta) in zip(levels, PLANTED, strict=True):
        assert pytest.approx(floor, rel=1e-4) == level.E
        assert level.g == pytest.approx(alpha * beta / (alpha + beta), rel=1e-4)
        assert level.intervals["E"] == pytest.approx([floor, floor], rel=1e-4)
    best = table.loc[table.groupby("flops_budget")["loss"].idxmin()]
    slope = np.polyfit(np.log(best["flops"]), np.log(best["loss_t02"]), 1)[0]
    assert levels[2].fall == pytest.approx(-slope)


def test_a_table_without_levels_is_one_line_and_has_no_section():
    table = sweep().drop(columns=[f"loss_t{i:02d}" for i in range(4)])
    with pytest.raises(InputError, match="no columns loss_t00"):
        analysis.fit(table, "noise_levels", bootstrap=0)
    assert page.section(table, Fit("noise_levels", {}, {"loss": "loss"})) == ""


def test_the_page_says_two_numbers_and_a_fall_of_each():
    drawn = page.section(sweep(), Fit("noise_levels", {}, {"loss": "loss", "params": "params"}))
    assert drawn.count("<tr>") == 1 + len(PLANTED)
    assert "0.25 to 0.5" not in drawn  # printed by tenths
    assert "<svg" in drawn
    assert "What no compute removes".lower() in drawn.lower()
