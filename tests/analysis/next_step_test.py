"""An undecided verdict names what stands first in its way and one step, with its cost."""

import math
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.engine import student
from analysis.frontier import selection
from analysis.page import summary
from analysis.planning.devices import span
from analysis.verdict import next_step, proposal, rule
from analysis.verdict.thresholds import CHANCE, SENSIBLE
from analysis.verdict.video_scores import ScoreGain
from tests.analysis.light_fit import light_fit
from tests.analysis.synthetic_sweep import make_rows, scores_of


def table(scored=True, **options):
    rows = [
        row | ({k: v for k, v in scores_of(row).items() if k != "step"} if scored else {})
        for row in make_rows(**options)
    ]
    return selection.select(pd.DataFrame(rows), "loss_ema", "params")[0]


def judge(rows, prediction=None):
    return rule.judge(rows, light_fit(rows), prediction)


def test_without_a_prediction_the_next_budget_is_predicted_first():
    found = judge(table(noise=0.004))
    step = found.next_
    assert (found.word, step.block) == ("undecided", "unpredicted")
    assert step.proposal.predict == pytest.approx(2)
    assert {run.flops for run in step.proposal.runs} == {2 * 32 * 2e11}
    assert len(step.proposal.runs) == 5
    assert f"analysis.predict --factor {step.proposal.predict:g}" in found.sentence
    assert "FLOPs" in found.sentence


def test_one_thing_is_named_and_one_step():
    rows = table(scored=False, noise=0.004, epochs=50.0)
    rows["loss_train"] = 0.8 * rows["loss_ema"]
    found = judge(rows)
    assert found.blocks[0] == "overfit"
    assert len(found.blocks) > 2
    assert found.sentence.count("first in the way:") == 1
    assert rule.WORDS["overfit"] in found.sentence
    assert rule.WORDS["unscored"] not in found.sentence
    assert "x as many videos" in found.next_.proposal.do
    assert len(found.sentence) < 600


def test_the_step_is_said_with_its_cost_and_its_runs_are_a_table_that_is_folded():
    found = judge(table(noise=0.004).assign(wall_s=3600.0, device="gpu", num_devices=1))
    step = found.next_
    cost = f"({step.proposal.flops:.2g} FLOPs, about {span(step.proposal.gpu_hours)} on gpu)"
    assert found.sentence.endswith(f"{cost}.")
    shown, folded, below = re.split("</?details>", summary.verdict(found))
    assert cost in shown
    assert "<td>" not in shown + below
    rows = re.findall(r"<tr><td>([^<]*)</td><td>([^<]*)</td>", folded)
    runs = step.proposal.runs
    assert rows == [(f"{run.flops:.3g}", f"{run.size:,.0f}") for run in runs]
    dear = replace(step, times_spent=1.01 * SENSIBLE)
    assert "Nothing sensible would decide it" in dear.sentence
    assert "10.1 times all compute spent so far" in dear.sentence


def test_one_size_is_no_range_and_our_commands_are_for_our_runs():
    rows = table(noise=0.004)
    rows = rows[rows["params"] == rows.groupby("flops_budget")["params"].transform("median")]
    do = next_step._budget(rows, light_fit(rows), 2.0, predict=False).do
    assert re.fullmatch(r"run size [\d,]+ with [\de.+]+ FLOPs", do)
    assert "vdit.evaluate --root DIR --best;" in next_step._first_scores(rows, None, None).do
    foreign = next_step._first_scores(rows.drop(columns="experiment"), None, None).do
    assert "vdit" not in foreign
    assert "NAME_real" in foreign


def test_without_any_noise_measured_repeats_come_first():
    rows = table(noise=0.004, budgets=4, seeds_at=9)
    rows = rows[rows["run_id"].str[2:4] == "02"]
    found = judge(rows)
    assert found.next_.block == "span"
    assert found.next_.proposal.flops == 4 * rows["flops_budget"].min()
    assert "repeat size" in found.sentence


def test_over_too_short_a_span_a_farther_budget_comes_first():
    rows = table(noise=0.004, budgets=2, seeds_at=0)
    step = judge(rows).next_
    assert step.block == "span"
    assert step.proposal.runs[0].flops == pytest.approx(8 * rows["flops_budget"].min())


def test_seeds_are_proposed_until_the_gain_leaves_what_matters():
    rows = table(noise=0.004)
    fit = light_fit(rows)
    flat = {"gain": 0.0, "fall": 0.0, "interval": [-0.02, 0.02], "error": 0.006}
    fit = replace(fit, gain=replace(fit.gain, **flat))
    step = rule.judge(rows, fit).next_
    assert step.block == "gain"
    assert step.proposal.chance >= CHANCE
    assert {run.seeds for run in step.proposal.runs} <= set(next_step.REPLICAS)
    assert len(step.proposal.runs) == 30
    fit = replace(fit, gain=replace(fit.gain, fall=0.01, gain=0.0099, error=0.02))
    found = rule.judge(rows, fit)
    assert not found.next_.sensible
    assert "Nothing sensible would decide it" in found.sentence


def test_the_chance_promised_is_the_share_of_simulated_repeats():
    """An estimate 1.8 errors from the minimum; repeats bring its error to 0.7 of what it was."""
    rng, before, after, df = np.random.default_rng(0), 1.0, 0.7, 30
    truth = 1.8 + before * rng.standard_normal(40_000)
    fresh = truth + math.sqrt(1 / (1 / after**2 - 1)) * rng.standard_normal(40_000)
    estimate = after**2 * (1.8 + (1 / after**2 - 1) * fresh)
    share = np.mean(np.abs(estimate) > student.quantile(df) * after)
    assert share == pytest.approx(next_step.chance_outside(1.8, before, after, df), abs=0.01)


@pytest.mark.parametrize(
    ("interval", "telling"),
    [
        ([0.905, 0.96], True),
        ([0.90, 1.01], False),  # holds "no change"
        ([0.85, 0.99], False),  # wider than the step from 1 to .93
        (None, False),
    ],
)
def test_a_prediction_tells_if_it_leaves_out_no_change_and_is_narrower_than_its_step(
    interval, telling
):
    assert next_step.is_telling(interval, 0.93, 1.0) == telling


def test_more_clips_do_not_help_against_the_noise_between_seeds():
    rows = table(noise=0.004)
    score = ScoreGain("fvd", 0.0, 0.2, better_by=0.2, clips_error=0.1, seeds_error=0.0, reach=1.96)
    found = next_step.Evidence(None, None, [score], None)
    step = next_step._more_clips(rows, None, found)
    assert (step.flops, step.runs) == (0, ())
    assert step.chance >= CHANCE
    noisy = replace(found, scores=[replace(score, seeds_error=0.1)])
    assert next_step._more_clips(rows, None, noisy).chance < CHANCE


def test_runs_cost_gpu_hours_at_the_speed_of_the_nearest_size():
    rows = pd.DataFrame({"params": [1e4, 1e6], "flops": [7.2e12, 7.2e12], "wall_s": [4.0, 1.0]})
    rows = rows.assign(num_devices=2, device="gpu")
    runs = [proposal.Runs(3.6e15, size, seeds=3) for size in (2e4, 9e5)]
    step = proposal.propose(rows, "run", [*runs, replace(runs[0], seeds=0)])
    # 9e11 FLOP/s of one device at the small size, 3.6e12 at the large one.
    assert step.gpu_hours == pytest.approx(3 * (3.6e15 / 9e11 + 3.6e15 / 3.6e12) / 3600)
    assert (step.flops, step.device, len(step.runs)) == (6 * 3.6e15, "gpu", 2)
    assert proposal.propose(rows.drop(columns="wall_s"), "", runs).gpu_hours is None
