"""What differs between seeds is in the error of a score, or the score tells nothing."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from analysis.fitting.result import Fit
from analysis.page import scores
from analysis.scores import curve, noise, order, words
from analysis.verdict import next_step, rule, video_scores

COLUMNS = {"loss": "loss", "params": "params"}
SEEDS = (0.656, 0.828, 0.547)  # of one cell; .06 stated for each


def scored(*values, flops):
    """Runs of one size with a share that real clips have too."""
    table = pd.DataFrame({"M": values, "flops_budget": flops}).assign(params=1e4, M_se=0.06)
    loss = 0.9 - 0.1 * np.log(table["flops_budget"] / 1e10)
    named = table.assign(loss=loss, run_id=[f"r{i}" for i in range(len(table))], M_n=32)
    return named.assign(M_real=1.0, M_coded=1.0, M_lower_is_better=False)


def compared(table):
    (found,) = video_scores.compare(table, Fit("frontier", {}, COLUMNS))
    return found


def test_three_seeds_of_one_cell_are_in_the_error_where_there_is_no_curve_to_scatter_about():
    table = scored(0.2, *SEEDS, flops=[1e10, 8e10, 8e10, 8e10])
    found = noise.between_seeds(table, "M", COLUMNS)
    assert found.sd == pytest.approx(math.sqrt(np.var(SEEDS, ddof=1) - 0.06**2))
    assert found.df == 2
    gain = compared(table)
    assert gain.seeds_error == pytest.approx(math.sqrt(2) * found.sd)
    assert gain.better_by > 1.96 * math.hypot(0.06, 0.06)  # clips alone would say so
    assert not gain.improves


def test_intervals_share_their_level_among_the_scores_that_are_tried():
    """How seldom a null is told at a shared level `scores_test` counts."""
    rng, flops = np.random.default_rng(4), np.repeat([1e10, 2e10, 4e10, 8e10], 3)
    table = scored(*(0.5 + 0.1 * rng.standard_normal(12)), flops=flops)
    other = table.rename(columns=lambda name: name.replace("M", "K")).filter(like="K")
    both = pd.concat([table, other.assign(K=rng.permutation(table["M"]))], axis=1)
    fit = Fit("frontier", {}, COLUMNS)
    for intervals in (
        [video_scores.compare(rows, fit)[0].interval for rows in (table, both)],
        [curve.curves(rows, fit)[0].whole.interval for rows in (table, both)],
    ):
        alone, shared = map(np.ptp, intervals)
        assert 1.1 < shared / alone < 1.4  # Student's quantiles at 97.5 and at 95 %


def test_two_runs_tell_no_noise_and_no_score_of_theirs_improves():
    """However few clips differ: which of the two seeds was the lucky one is not known."""
    table = scored(0.2, 0.9, flops=[1e10, 8e10])
    gain = compared(table)
    assert math.isnan(gain.error)
    assert not gain.improves
    evidence = next_step.Evidence(None, None, [gain], SimpleNamespace(budgets=[], rises=[]))
    assert "scores" in rule._decide(evidence)[1]
    step = next_step._more_clips(table, None, evidence)
    assert step.do.startswith("score videos of the best runs of each budget")


def test_a_curve_without_a_noise_says_that_it_is_not_known():
    table, fit = scored(0.2, 0.9, flops=[1e10, 8e10]), Fit("frontier", {}, COLUMNS)
    (found,) = curve.curves(table, fit)
    assert found.reads == "noise not known"
    assert words.lines([found])[1].split()[1:5] == ["0.200", "±?", "0.900", "±?"]
    assert words.clips(found) == "unknown"
    assert found.size is None
    assert order.order([found], table, fit) == []
    assert "± ?" in scores._point(found.points[0], 2)


def test_the_score_named_by_a_verdict_is_one_that_improves():
    """Not the one that moved by most errors, of which too little is known to tell."""
    few = video_scores.ScoreGain("few", 0.1, 0.9, 0.8, 0.1, 0.0, reach=12.7)
    told = video_scores.ScoreGain("told", 0.1, 0.5, 0.4, 0.1, 0.0, reach=2.0)
    evidence = next_step.Evidence(None, None, [few, told], None)
    found = rule.Verdict("supported", (), evidence, None)
    assert "told went from 0.10 to 0.50" in found.sentence
