"""A minimum is found where there is one inside the sizes, and only there."""

import numpy as np
import pandas as pd
import pytest

from analysis.frontier import isoflop, minima
from tests.analysis.synthetic_sweep import ALPHA, BETA, make_rows, optimum

SIZES = np.geomspace(1e4, 1.6e5, 5)


def parabola(best, curvature=0.02, sizes=SIZES):
    return 0.5 * np.exp(curvature * np.log(sizes / best) ** 2)


def fit(losses, sizes=SIZES):
    return isoflop.fit_budget(1e12, sizes, losses, [f"run{i}" for i in range(len(sizes))])


def test_a_parabola_gives_its_own_minimum():
    budget = fit(parabola(3.3e4))
    assert budget.fitted
    assert budget.minimum == pytest.approx((3.3e4, 0.5), rel=1e-9)
    assert budget.best_run == "run2"


@pytest.mark.parametrize(
    ("losses", "reason"),
    [
        (parabola(0.5e4), "smallest size"),
        (parabola(3e5), "largest size"),
        (parabola(4e4, curvature=-0.02), "size"),
        (np.array([0.51, 0.52, 0.5, 0.52, 0.47]), "largest size"),
        (np.array([0.50, 0.60, 0.49, 0.60, 0.50]), "bends down"),
    ],
)
def test_what_has_no_minimum_inside_is_flagged_with_the_reason(losses, reason):
    budget = fit(losses)
    assert not budget.fitted
    assert reason in budget.reason
    assert budget.minimum[1] == losses.min()


def test_two_sizes_are_not_fitted():
    assert "2 sizes" in fit(np.array([0.5, 0.6]), SIZES[:2]).reason


def test_seeds_are_averaged_and_weigh_more():
    sizes = np.r_[SIZES, SIZES[2], SIZES[2]]
    losses = np.r_[parabola(4e4), parabola(4e4)[2] * np.exp([0.03, -0.03])]
    budget = fit(losses, sizes)
    assert list(budget.counts) == [1, 1, 3, 1, 1]
    assert budget.minimum == pytest.approx((4e4, 0.5), rel=1e-9)


def test_the_noise_between_runs_is_measured():
    measured = []
    for seed in range(30):
        table = pd.DataFrame(make_rows(6, noise=0.003, seed=seed))
        budgets = isoflop.fit_budgets(table, "loss_ema", "params")
        measured.append(isoflop.measure_noise(table, budgets, "loss_ema", "params"))
    assert {noise.df for noise in measured} <= {12, 14}
    # The parabola misses the planted curve by a little, which adds to the scatter.
    assert np.sqrt(np.mean([n.sd**2 for n in measured])) == pytest.approx(0.003, rel=0.15)
    assert np.sqrt(np.mean([n.seeds_sd**2 for n in measured])) == pytest.approx(0.003, rel=0.3)


def test_resampled_minima_spread_as_new_sweeps_do():
    rng = np.random.default_rng(0)
    sd = np.full(4000, 0.004)
    size, loss = isoflop.resample_minimum(fit(parabola(4e4)), sd, rng)
    again = [fit(parabola(4e4) * np.exp(0.004 * rng.standard_normal(5))) for _ in range(1500)]
    again = np.log([budget.minimum for budget in again if budget.fitted])
    assert loss.std() == pytest.approx(again[:, 1].std(), rel=0.1)
    assert size.std() == pytest.approx(again[:, 0].std(), rel=0.15)


def test_the_planted_exponent_of_size_is_within_its_interval():
    table = pd.DataFrame(make_rows(6))
    _, found = minima.measure(table, "loss_ema", "params", 1000)
    assert found.estimator == "parabola"
    law = minima.fit_size(found)
    low, high = law["intervals"]["a"]
    assert low < BETA / (ALPHA + BETA) < high
    assert high - low < 0.08
    for budget, size in zip(found.budgets, found.size, strict=True):
        assert size == pytest.approx(optimum(budget.flops)[0], rel=0.1)


def test_without_enough_parabolas_the_best_runs_are_used():
    rows = [row for row in make_rows(4, seeds_at=0) if row["params"] < 3e4]
    table = pd.DataFrame(rows)
    budgets, found = minima.measure(table, "loss_ema", "params", 100)
    assert found.estimator == "best_run"
    assert len(found.loss) == len(budgets)


def test_checkpoints_before_the_end_of_their_schedule_are_left_out():
    table = pd.DataFrame(make_rows(2))
    table.loc[0, "annealed"] = False
    table.loc[1, "flops_budget"] = 0.0
    rows, notes = minima.select(table, "loss_ema", "params")
    assert len(rows) == len(table) - 2
    assert len(notes) == 2
