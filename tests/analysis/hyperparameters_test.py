"""Optimal learning rates and batches: planted laws, planted traps, and Yin et al.'s runs."""

import json
import re

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis.calibration import grids
from analysis.fitting.result import Fit
from analysis.laws import hyperparameters
from analysis.laws.tuning import Tuned
from analysis.table import serial
from vdit.errors import InputError

TRUTH = {"lr_k": 0.5, "lr_params": -0.3, "lr_tokens": 0.1}
TRUTH |= {"batch_k": 2.0, "batch_params": 0.0, "batch_tokens": 0.5}
CURVES = (0.01, 0.015, -0.008)  # of log loss in log lr, log batch and their product


def sweep(sd=0.0, curves=CURVES, shift=0.0, seed=0, width=1.2, sizes=(1e7, 4e7, 1.6e8, 6e8)):
    """A grid of 25 runs in each of 12 cells; `shift` moves the grid off the optimum."""
    rng, rows = np.random.default_rng(seed), []
    for n in sizes:
        for d in (1e9, 4e9, 1.6e10):
            best = np.log(0.5 * n**-0.3 * d**0.1), np.log(2.0 * d**0.5)
            steps = np.linspace(-width, width, 5) + shift
            u, v = (grid.ravel() for grid in np.meshgrid(steps, steps))
            bowl = curves[0] * u**2 + curves[1] * v**2 + curves[2] * u * v
            loss = 2 * n**-0.05 * np.exp(bowl + sd * rng.standard_normal(25))
            lr, batch = np.exp(best[0] + u), np.exp(best[1] + v)
            rows += zip([n] * 25, [d] * 25, lr, batch, loss, strict=True)
    return pd.DataFrame(rows, columns=["params", "tokens", "lr", "batch", "loss"])


def fitted(*args, **options):
    return serial.to_json(hyperparameters.fit(*args, **options).entry())


def planted(name, seed=1):
    grid = next(grid for grid in grids.GRIDS if grid.name == name)
    return grids.planted(grid, np.random.default_rng(seed))[0]


def statuses(result):
    return {cell["status"] for cell in result["cells"]}


def test_planted_laws_are_recovered_without_noise():
    found = fitted(sweep())
    assert found["parameters"] == pytest.approx(TRUTH, rel=1e-6, abs=1e-9)
    assert found["status"]["word"] == "converged"
    assert found["n"] == 300
    json.dumps(found, allow_nan=False)


def test_planted_laws_lie_in_their_intervals_with_noise():
    """A few; `analysis.calibrate --grids` counts hundreds."""
    held = []
    for seed in range(12):
        found = fitted(sweep(sd=0.003, seed=seed))
        for name, (low, high) in found["intervals"].items():
            held.append(low < TRUTH[name] < high)
            assert high - low < 1 or name.endswith("_k")
    assert np.mean(held) > 0.85  # of 72; 95 % are expected, the runs' noise alone gave 60


@pytest.mark.parametrize("lost", [np.nan, np.inf, 4.0, 40.0])
def test_diverged_runs_are_named_and_move_nothing(lost):
    """A cliff above the best rates: whatever the loss beyond it, the laws are the same."""
    table = sweep(sd=0.001)
    best = TRUTH["lr_k"] * table["params"] ** -0.3 * table["tokens"] ** 0.1
    over = table["lr"] > 1.6 * best
    found = fitted(table.assign(loss=table["loss"].where(~over, lost)))
    same = fitted(table.assign(loss=table["loss"].where(~over, 5.0)))
    assert found["parameters"] == same["parameters"]
    assert found["parameters"]["lr_params"] == pytest.approx(-0.3, abs=0.01)
    assert [run["row"] for run in found["diverged"]] == list(np.flatnonzero(over))
    words = (
        "without a loss that is a number"
        if not np.isfinite(lost)
        else "times the best loss of its cell"
    )
    assert all(words in run["words"] for run in found["diverged"])
    assert f"{over.sum()} of 300 runs diverged" in found["status"]["words"]


def test_a_low_cliff_is_named_too():
    """4 % above the valley, in the midst of it: too little for the loss alone to tell."""
    table = sweep(sd=0.001)
    table.loc[[37, 112], "loss"] *= 1.04
    found = fitted(table)
    assert {run["row"] for run in found["diverged"]} == {37, 112}
    assert all("on a cliff" in run["words"] for run in found["diverged"])


def test_a_fit_names_what_diverged_as_its_table_does_and_is_read_again():
    """Rows that left earlier do not shift the numbers; no law of mistuned runs stands beside."""
    table = sweep(sd=0.001).rename(columns={"batch": "batch_tokens"})
    table.loc[5, "loss"] = np.nan
    table.loc[37, "loss"] *= 1.04
    fit = analysis.fit(table, "hyperparameters", bootstrap=0)
    assert [run.name for run in fit.entry.diverged] == ["row 38"]
    assert "  left out, on a cliff, unlike the runs around it: row 38" in fit.entry.lines
    assert fit.dropped[0].line.endswith(": row 6")
    assert any("batch is 'batch_tokens'" in note for note in fit.notes)
    assert (set(fit.laws), fit.flagged, fit.warnings) == ({"hyperparameters"}, (), ())
    again = Fit.from_json(json.loads(json.dumps(fit.to_json())))
    assert again.noise is None
    assert again.entry.noise == fit.entry.noise
    at = {"params": 2e9, "tokens": 4e10}
    assert hyperparameters.predict(again.entry, at) == hyperparameters.predict(fit.entry, at)


def test_cells_are_told_where_there_is_no_law():
    few = hyperparameters.fit(sweep(sd=0.001)[:50]).entry().lines
    told = [line for line in few if "params 1e+07, tokens" in line]
    assert len(told) == 2
    assert all(re.search(r": lr [\d.]+ \[.*\], batch [\de.+]+ \[", line) for line in told)


def test_cells_whose_optimum_is_at_the_edge_bear_on_the_law():
    """One grid of rates for all sizes: of the largest and the smallest the best lie outside."""
    found = fitted(planted("edge"))
    edges = [cell for cell in found["cells"] if cell["status"].startswith("at the edge")]
    assert 3 <= len(edges) <= 8
    told = [line for line in found["lines"] if line.startswith("  params ")]
    assert [line.split(": ", 1)[1] for line in told] == [cell["status"] for cell in edges]
    for axis, law in (("lr", grids.LR), ("batch", grids.BATCH)):
        for name in ("params", "tokens"):
            low, high = found["intervals"][f"{axis}_{name}"]
            assert low < law[name] < high < low + 0.15


def test_step_laws_exponents_come_back_from_its_grids_and_noise():
    held, off = [], []
    for seed in range(4):
        found = fitted(planted("step_law", seed))
        assert 200 < len(found["diverged"]) < 320
        for axis, law in (("lr", grids.LR), ("batch", grids.BATCH)):
            for name in ("params", "tokens"):
                low, high = found["intervals"][f"{axis}_{name}"]
                held.append(low < law[name] < high)
                assert high < low + 0.1
                assert (low + high) / 2 == pytest.approx(law[name], abs=0.05)
                off.append(
                    1.96 * (found["parameters"][f"{axis}_{name}"] - law[name]) * 2 / (high - low)
                )
    assert np.mean(held) > 0.8  # of 16
    assert np.sqrt(np.mean(np.square(off))) < 1.5  # times too narrow, as of other published tables


def test_what_a_mistuned_rate_costs_is_said():
    costs = fitted(sweep())["costs"]
    near = np.log(2) ** 2
    assert costs["lr"] == pytest.approx(dict.fromkeys(("half", "double"), np.expm1(0.01 * near)))
    assert costs["batch"]["half"] == pytest.approx(np.expm1(0.015 * near))
    alone = 0.015 - 0.008**2 / 0.04  # of batch, the rate retuned
    assert costs["batch"]["one_percent"] == pytest.approx(np.exp(np.sqrt(np.log(1.01) / alone)))


def test_a_star_of_runs_gets_no_interval():
    """What rate and batch do together is not told, so each is best beside the rule's other."""
    found = fitted(planted("star"))
    assert set(found["parameters"]) >= {"lr_params", "batch_tokens"}
    assert found["intervals"] == {}
    assert "no run differs in lr and batch both" in found["status"]["words"]
    json.dumps(found, allow_nan=False)


def test_a_prediction_comes_with_its_interval():
    found = json.loads(json.dumps(fitted(sweep(sd=0.003))))
    at = hyperparameters.predict(serial.from_json(Tuned, found), {"params": 2e9, "tokens": 4e10})
    for axis, truth in (("lr", 0.5 * 2e9**-0.3 * 4e10**0.1), ("batch", 2.0 * 4e10**0.5)):
        low, high = at[axis].interval
        assert low < at[axis].value < high
        assert low < truth < high < 3 * low


@pytest.mark.parametrize("curves", [(-0.01, -0.015, 0.0), (0.01, -0.01, 0.0), (0.01, 0.01, 0.03)])
def test_maxima_and_saddles_are_never_optima(curves):
    found = fitted(sweep(curves=curves))
    assert statuses(found) == {"no minimum: the surface is a saddle, a ridge or a maximum"}
    assert found["parameters"] == {}
    assert found["status"]["word"] == "not identified"
    assert all("lr" not in cell for cell in found["cells"])


@pytest.mark.parametrize(
    ("shift", "said"),
    [
        (1.5, "at the edge: the minimum lies below the smallest lr and below the smallest batch"),
        (-1.5, "at the edge: the minimum lies above the largest lr and above the largest batch"),
    ],
)
def test_a_grid_off_the_optimum_is_flagged(shift, said):
    found = fitted(sweep(shift=shift))
    assert statuses(found) == {said}
    assert found["status"]["word"] == "not identified"


def test_one_learning_rate_sweep_at_a_constant_batch():
    for table, said in (
        (sweep().assign(batch=8.0), "batch: no two runs of one cell differ in it"),
        (sweep().drop(columns="batch"), "batch: no column says it (--batch COL), taken for the sa"),
    ):
        found = fitted(table)
        assert set(found["parameters"]) == {"lr_k", "lr_params", "lr_tokens"}
        assert said in found["status"]["words"]


def test_too_few_cells_are_a_status():
    found = fitted(sweep(sizes=(1e7,)))
    # Tokens vary over three cells, size over none: what can be fitted is, the rest is said.
    assert set(found["parameters"]) == {"lr_k", "lr_tokens", "batch_k", "batch_tokens"}
    assert "params never varied, exponent unknown" in found["status"]["words"]
    two = fitted(sweep()[:50])
    assert two["parameters"] == two["intervals"] == {}
    assert (
        "lr: 2 of 2 cells have an optimum inside, a law in tokens needs 3"
        in (two["status"]["words"])
    )


def test_a_law_in_compute_with_budgets_that_round():
    table = sweep().rename(columns={"batch": "B"})
    jitter = 1 + 1e-3 * np.random.default_rng(0).uniform(-1, 1, len(table))
    table["flops"] = 6 * table["params"] * table["tokens"] * jitter
    table = table[table["tokens"] == 4e9]
    found = fitted(table, {"batch": "B"}, inputs=("flops",))
    assert found["parameters"]["lr_flops"] == pytest.approx(-0.3, abs=1e-3)
    assert len(found["cells"]) == 4


def test_a_table_without_what_is_needed_is_one_line():
    with pytest.raises(InputError, match="missing column 'lr'"):
        fitted(sweep().drop(columns="lr"))
    with pytest.raises(InputError, match="params and tokens, or flops"):
        fitted(sweep().drop(columns=["params", "tokens"]))
    with pytest.raises(InputError, match="loss is -1"):
        fitted(sweep().assign(loss=-1.0))
    with pytest.raises(InputError, match="no 'loss' is a number"):
        fitted(sweep().assign(loss=np.nan))
    kinds = sweep().assign(parameterization=["sp", "mup"] * 150)
    with pytest.raises(InputError, match="parameterization mup and sp have best rates of their"):
        analysis.fit(kinds, "hyperparameters")
    lone = fitted(sweep().drop_duplicates("params"))
    assert statuses(lone) == {"no sweep: one learning rate and one batch"}
