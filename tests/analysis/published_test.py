"""Published tables give the published numbers, or better optima where those are none."""

import json

import numpy as np
import pandas as pd
import pytest

from analysis.engine.fit import fit, predict, refit
from analysis.engine.objective import Objective
from analysis.engine.problem import problem
from analysis.laws.registry import LAWS
from tests.analysis import resamples
from tests.paths import reference

NAMES = ("A", "B", "E", "alpha", "beta")
HUBER, WIDE = Objective("huber", 1e-3), Objective("huber", 1e-2)
LAD, LOG_MSE = Objective("lad"), Objective("log_mse")
EPOCH = (
    # objective dropped value       A        B         E         alpha     beta
    (HUBER, 5, 0.00101827401780, (477.826, 2143.417, 1.817218, 0.347310, 0.367172)),
    (LAD, 5, 1.12949465, (482.006, 2085.436, 1.816864, 0.347813, 0.365854)),
    (WIDE, 5, 0.00469622488, (538.752, 2905.60, 1.838072, 0.354416, 0.381538)),
    # The table lists half the sum of squares.
    (LOG_MSE, 5, 2 * 0.0057309435, (593.322, 4875.64, 1.864550, 0.360253, 0.405883)),
    (HUBER, 0, 0.00182601052, (495.726, 12845.6, 1.891339, 0.349313, 0.453049)),
)
KINDS = {
    "parameters": "chinchilla",
    "width_depth": "width_depth",
    "width_depth_parameters": "width_depth_params",
}


def epoch(objective=None, dropped=5):
    """Epoch AI's reading of Chinchilla's figure, without the highest losses; D = C / 6N."""
    table = pd.read_csv(reference("fits/epoch_chinchilla/svg_extracted_data.csv"))
    table = table.sort_values("loss", kind="stable").head(len(table) - dropped).sort_index()
    n, c = table["Model Size"].to_numpy(), table["Training FLOP"].to_numpy()
    return problem(LAWS["chinchilla"], {"params": n, "tokens": c / 6 / n}, table["loss"], objective)


@pytest.mark.parametrize(("objective", "dropped", "value", "parameters"), EPOCH)
def test_chinchilla_as_epoch_fitted_it(objective, dropped, value, parameters):
    found = fit(epoch(objective, dropped))
    assert found.value == pytest.approx(value, rel=1e-8)
    assert found.parameters == pytest.approx(dict(zip(NAMES, parameters, strict=True)), rel=1e-5)
    assert found.status.words == "converged"
    assert found.status.agree == 1


def test_the_exponent_of_the_optimal_size():
    assert fit(epoch()).derived["a"] == pytest.approx(0.513900, abs=1e-6)
    assert fit(epoch(LAD)).derived["a"] == pytest.approx(0.512640, abs=1e-6)


def test_the_bootstrap_of_epoch_draw_for_draw():
    found = fit(epoch())
    legacy = np.random.RandomState(42)  # their notebook draws np.random.choice 4,000 times
    draws = (legacy.choice(240, 240) for _ in range(4000))
    counts = np.stack([np.bincount(draw, minlength=240) for draw in draws]).astype(float)
    intervals = resamples.percentiles(found, refit(found, counts)[0])
    expected = {
        "A": (286.085, 743.610),
        "B": (1042.366, 5810.359),
        "E": (1.76935, 1.87123),
        "alpha": (0.31682, 0.37328),
        "beta": (0.33126, 0.41537),
    }
    for name, ends in expected.items():
        assert intervals[name] == pytest.approx(ends, rel=2e-5), name


def test_the_bootstrap_with_other_draws():
    found = fit(epoch())
    draws = resamples.pairs(found, 1000, np.random.default_rng(0))
    intervals = resamples.percentiles(found, draws)
    published = {"E": (1.769, 1.871), "alpha": (0.317, 0.373), "beta": (0.331, 0.415)}
    for name, (low, high) in published.items():
        # A thousand resamples know the ends of an interval to a tenth of its width or so.
        assert intervals[name] == pytest.approx([low, high], abs=0.1 * (high - low)), name


def gemstones(record):
    """The problem of one published fit."""
    kind, rows = record["file"].split("/approach_3_")[1].split("_grid_search_0_")
    path = reference(f"fits/gemstones/wandb_dfs/wandb_df_for_fitting_{rows}.jsonl")
    table = pd.read_json(path, lines=True).rename(columns={"params_active_precise": "params"})
    delta = 1e-3 if "delta-3" in record["file"] else 1e-4
    law = LAWS[KINDS[kind]]
    inputs = {name: table[name] for name in law.inputs}
    return problem(law, inputs, table["final_loss"], Objective("huber", delta))


def test_gemstones_recorded_optima_are_reached_and_thirteen_are_beaten():
    records = json.loads(reference("fits/gemstones/recomputed_optima.json").read_text())
    assert len(records) == 30
    improved = 0
    for record in records:
        p = gemstones(record)
        assert len(p.loss) == record["n"]
        found = fit(p)
        assert found.value <= record["pub_f_recomputed"], record["file"]
        assert found.value <= record["best_f"] * (1 + 1e-9), record["file"]
        assert found.status.gradient < 1e-6, record["file"]
        improved += found.value < record["pub_f_recomputed"] * (1 - 1e-4)
        # Their width and depth alone leave no floor: log E is printed as -12659 and -1092.
        assert (found.parameters["E"] == 0) == (record["best_e"] < -100)
        assert ("E is zero" in found.status.bounds) == (record["best_e"] < -100)
    assert improved >= 13


@pytest.mark.parametrize("name", ["huber", "lad", "log_mse", "mse"])
def test_the_olmo_ladder_predicts_its_largest_model(name):
    table = pd.read_csv(reference("fits/olmo_ladder/final_points.csv"))
    small = table[table["mode"] == "train"]
    inputs = {"params": small["N"], "tokens": small["tokens"]}
    found = fit(problem(LAWS["chinchilla"], inputs, small["c4_loss"], Objective(name)))
    largest = {"params": table["N"].iloc[-1], "tokens": 5e12}
    observed = table["c4_loss"].iloc[-1]
    assert abs(found.predict(largest)[0] / observed - 1) < 0.0383  # published: 3.83 % too low
    draws = resamples.pairs(found, 500, np.random.default_rng(0))
    low, high = np.percentile(predict(found.problem, draws, largest), [2.5, 97.5])
    assert low < observed < high
    assert high - low < 0.15 * observed
