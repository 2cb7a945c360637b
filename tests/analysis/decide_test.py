"""Doing what is proposed does decide: a planted sweep, the runs proposed, and the rule again."""

import functools
import math

import numpy as np
import pandas as pd
import pytest

from analysis import predict
from analysis.engine import student
from analysis.frontier import minima
from analysis.verdict import gain, proposal, proposals, rule, seeds
from analysis.verdict.thresholds import CHANCE
from tests.analysis.light_fit import light_fit
from tests.analysis.synthetic_sweep import make_rows, optimum, scores_of

SEEDS = 20


best_at = functools.cache(optimum)
cells = functools.cache(make_rows)  # losses are planted anew


class World:
    """A planted law, weakened to `gain` of its fall, and rows that have been run in it."""

    def __init__(self, seed, noise, gain=1.0, score_noise=0.0, **options):
        self.rng = np.random.default_rng([seed, 99])
        self.noise, self.gain, self.score_noise = noise, gain, score_noise
        self.rows = [self._run(row) for row in cells(**options)]
        self.prediction = None
        self.ran = 0

    def _run(self, row):
        n, flops = row["params"], row["flops_budget"]
        size, best = best_at(flops)
        bowl = 0.02 * math.log(n / size) ** 2
        loss = 0.5 * (best / 0.5) ** self.gain * math.exp(bowl)
        row = row | {"loss_ema": loss * math.exp(self.noise * self.rng.standard_normal())}
        scores = {key: value for key, value in scores_of(row | {"loss_ema": best}).items()}
        return row | {key: value for key, value in scores.items() if key != "step"}

    def table(self):
        return minima.select(pd.DataFrame(self.rows), "loss_ema", "params")[0]

    def predict(self, factor, created):
        table = self.table()
        self.prediction = predict.predict_table(table, factor, resamples=100) | {"created": created}

    def judge(self):
        table = self.table()
        return rule.judge(table, light_fit(table), self.prediction)

    def do(self, plan):
        for step in plan["steps"]:
            if step["predict"]:
                self.predict(step["predict"], created=1.6e9)
            for run in step["runs"]:
                for _ in range(run["seeds"]):
                    self.ran += 1
                    like = self.rows[0] | {"run_id": f"more{self.ran:05d}", "steps": 1000}
                    size = run["size"] if run["size"] < 1 else round(run["size"])
                    made = {"params": size, "flops_budget": run["flops"], "flops": run["flops"]}
                    made["tokens"] = run["flops"] / 6 / size
                    self.rows.append(self._run(like | made))
        return self


def split(world, factor=2.0):
    """Predict the largest budget from the others, as the demo does."""
    rows, top = world.rows, max(row["flops_budget"] for row in world.rows)
    world.rows = [row for row in rows if row["flops_budget"] < top]
    world.predict(factor, created=1.6e9)
    world.rows = rows
    return world


def outcomes(worlds):
    """(before, after) the plan, of the worlds that are undecided with a plan that decides."""
    found = []
    for world in worlds:
        before = world.judge()
        if before["verdict"] == "undecided" and before["next"]["decides"]:
            found.append((before, world.do(before["next"]).judge()))
    return found


def test_seeds_decide_a_gain_that_straddles_the_least_that_matters():
    """Worlds that gain less than matters, noisy: the seeds proposed refute most of them."""
    found = outcomes(split(World(seed, noise=0.006, gain=0.01)) for seed in range(SEEDS))
    verdicts = [after["verdict"] for _, after in found]
    assert all("gain" in before["blocks"] for before, _ in found)
    # No more seeds than it takes.
    assert all(CHANCE <= before["next"]["chance"] < CHANCE + 0.05 for before, _ in found)
    assert len(found) >= 6
    assert verdicts.count("refuted") >= 0.6 * len(found), verdicts


def test_the_next_budget_decides_where_nothing_was_predicted():
    found = outcomes(World(seed, noise=0.004) for seed in range(SEEDS))
    assert [before["blocks"] for before, _ in found] == [["unpredicted"]] * SEEDS
    steps = [step for before, _ in found for step in before["next"]["steps"]]
    assert all(step["predict"] == pytest.approx(2) and step["flops"] > 0 for step in steps)
    verdicts = [after["verdict"] for _, after in found]
    assert verdicts.count("supported") >= 0.8 * SEEDS, verdicts


def test_seeds_and_the_next_budget_decide_a_prediction_too_wide_to_test(monkeypatch):
    monkeypatch.setattr(seeds, "REPLICAS", (2, 8))
    monkeypatch.setattr(seeds, "SIMULATIONS", 3)
    found = outcomes(split(World(seed, noise=0.008, gain=0.2)) for seed in range(SEEDS))
    wide = [after["verdict"] for before, after in found if "wide" in before["blocks"]]
    assert len(wide) >= 8
    assert wide.count("supported") >= 0.6 * len(wide), wide


def test_without_any_noise_measured_repeats_come_first():
    world = World(0, noise=0.004, seeds_at=9)
    world.rows = [row for row in world.rows if row["run_id"][2:4] in ("01", "02", "03")]
    before = world.judge()
    assert "span" in before["blocks"]
    assert before["next"]["flops"] == 4 * world.rows[0]["flops_budget"]
    assert "A first step: repeat size" in before["sentence"]
    assert "span" not in world.do(before["next"]).judge()["blocks"]


def test_with_one_budget_a_second_one_comes_first():
    world = World(0, noise=0.004, budgets=1, seeds_at=0)
    before = world.judge()
    assert before["gain"] is None
    assert before["next"]["steps"][0]["runs"][0]["flops"] == 8 * world.rows[0]["flops_budget"]
    assert "A first step: run sizes" in before["sentence"]
    assert "span" not in world.do(before["next"]).judge()["blocks"]


def test_runs_cost_gpu_hours_at_the_speed_of_the_nearest_size():
    rows = pd.DataFrame({"params": [1e4, 1e6], "flops": [7.2e12, 7.2e12], "wall_s": [4.0, 1.0]})
    rows = rows.assign(num_devices=2, device="gpu")
    runs = [{"flops": 3.6e15, "size": size, "seeds": 3} for size in (2e4, 9e5)]
    step = proposal.propose(rows, "run", ["gain"], [*runs, {**runs[0], "seeds": 0}])
    # 9e11 FLOP/s of one device at the small size, 3.6e12 at the large one.
    assert step["gpu_hours"] == pytest.approx(3 * (3.6e15 / 9e11 + 3.6e15 / 3.6e12) / 3600)
    assert (step["flops"], step["device"], len(step["runs"])) == (6 * 3.6e15, "gpu", 2)
    assert proposal.propose(rows.drop(columns="wall_s"), "", [], runs)["gpu_hours"] is None


def test_more_clips_decide_a_score_that_nearly_improves():
    table = World(0, noise=0.004).table()
    scores = [{"name": "permanence", "better_by": 0.2, "error": 0.1}]
    step = proposals.more_clips(table, scores, 1.96)
    assert (step["flops"], step["removes"], step["runs"]) == (0, ["scores"], [])
    times = int(step["do"].split("x as many")[0].split()[-1])
    rng, after = np.random.default_rng(0), 0.1 / math.sqrt(times)
    truth = 0.2 + 0.1 * rng.standard_normal(20_000)
    first = 0.2 + np.zeros_like(truth)
    weight = 1 / times  # of the clips there were, among all
    fresh = truth + 0.1 / math.sqrt(times - 1) * rng.standard_normal(20_000)
    share = np.mean(weight * first + (1 - weight) * fresh > 1.96 * after)
    assert share == pytest.approx(step["chance"], abs=0.01)
    assert step["chance"] >= CHANCE
    assert proposals.more_clips(table, [{**scores[0], "better_by": -0.2}], 1.96) is None


def test_the_chance_promised_is_the_share_of_simulated_repeats():
    """An estimate 1.8 errors from the minimum; repeats bring its error to 0.7 of what it was."""
    rng, before, after, df = np.random.default_rng(0), 1.0, 0.7, 30
    truth = 1.8 + before * rng.standard_normal(40_000)
    fresh = truth + math.sqrt(1 / (1 / after**2 - 1)) * rng.standard_normal(40_000)
    estimate = after**2 * (1.8 + (1 / after**2 - 1) * fresh)
    share = np.mean(np.abs(estimate) > student.quantile(df) * after)
    assert share == pytest.approx(seeds.chance_outside(1.8, before, after, df), abs=0.01)


def test_a_gain_just_as_large_as_the_least_that_matters_is_not_worth_deciding():
    world = split(World(0, noise=0.006, gain=0.0))
    table = world.table()
    fit = light_fit(table)
    found = gain.gain(table, fit)
    least = -math.log1p(-found["minimum"])
    for budget in fit["budgets"]:
        if budget["flops"] == found["to"]:
            budget["loss"] *= math.exp(found["fall"] - least + 1e-5)
    judged = rule.judge(table, fit, world.prediction)
    assert judged["verdict"] == "undecided"
    assert not judged["next"]["decides"]
    assert "Nothing sensible would decide it: even" in judged["sentence"]
    assert judged["next"]["times_spent"] > 10


def test_the_variance_of_a_minimum_is_that_of_simulated_parabolas():
    rng = np.random.default_rng(0)
    sizes, counts = np.array([1e4, 2e4, 5e4, 1e5, 3e5]), np.array([1, 3, 1, 2, 1])
    x = np.log(sizes / 4e4)
    found = []
    for _ in range(4000):
        noise = 0.001 * rng.standard_normal(5) / np.sqrt(counts)
        a, b, c = np.polyfit(x, 0.05 * x**2 + noise, 2, w=np.sqrt(counts))
        found.append(c - b * b / (4 * a))
    budget = {"sizes": sizes, "seeds": counts, "size": 4e4, "estimator": "parabola", "losses": x}
    assert np.std(found) == pytest.approx(0.001 * math.sqrt(gain.leverage(budget)), rel=0.03)
