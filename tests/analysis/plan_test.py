"""The planner finds planted optima, inverts itself, and knows what a further run is worth."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis import plan
from analysis.engine import fit as engine
from analysis.engine import intervals
from analysis.engine.answer import Answer
from analysis.engine.objective import Objective
from analysis.engine.problem import problem
from analysis.engine.status import Status
from analysis.figures import planning as figure
from analysis.figures import style
from analysis.fitting.entry import Entry
from analysis.fitting.result import Fit, FlopsRatio
from analysis.fitting.table import fit_table
from analysis.laws import forms, loglinear
from analysis.laws.registry import LAWS
from analysis.laws.tuning import Hyperparameters
from analysis.planning import devices, make, next_runs, off_size, optimum, training
from tests.analysis import resamples
from tests.analysis import synthetic_sweep as planted
from tests.analysis.synthetic_sweep import SMALLEST, make_rows
from vdit.errors import InputError

FLOPS = SMALLEST * 64
TRUTH = {"A": planted.A, "B": planted.B, "E": planted.E} | {
    "alpha": planted.ALPHA,
    "beta": planted.BETA,
}


@pytest.fixture(scope="module")
def rows():
    return pd.DataFrame(make_rows(6)).assign(run_id=lambda t: t["run_id"] + "x")


@pytest.fixture(scope="module")
def measured(rows):
    """The fit of a noisy sweep, as JSON gives it back."""
    return Fit.from_json(json.loads(json.dumps(fit_table(rows, bootstrap=200).to_json())))


@pytest.fixture
def exact():
    """A fit that holds the planted law itself, and nothing else."""
    law = Entry(
        law="chinchilla", objective=None, n=0, parameters=TRUTH, status=Status.of("converged")
    )
    return Fit("chinchilla", {"chinchilla": law}, {"params": "params", "tokens": "tokens"})


def changed(fit, **parts):
    """The fit with another entry of Chinchilla's law."""
    law = replace(fit.laws["chinchilla"], **parts)
    return replace(fit, laws={**fit.laws, "chinchilla": law})


def best(flops):
    p = TRUTH
    n, d = forms.chinchilla_optimum(flops, p["A"], p["B"], p["alpha"], p["beta"])
    return n, d, forms.chinchilla(n, d, p["E"], p["A"], p["B"], p["alpha"], p["beta"])


def test_a_planted_optimum_is_found(exact):
    planned = make.plan(exact, FLOPS)
    for name, truth in zip(("size", "tokens", "loss"), best(FLOPS), strict=True):
        assert getattr(planned, name).value == pytest.approx(truth, rel=1e-6), name
    assert planned.law == "chinchilla"


def test_the_published_law_gives_chinchilla_at_its_compute(exact):
    """2404.10102's law at 5.76e23 FLOPs, where 70e9 parameters saw 1.4e12 tokens (2203.15556)."""
    law = {"A": 477.826, "B": 2143.417, "E": 1.817218, "alpha": 0.347310, "beta": 0.367172}
    exact = changed(exact, parameters=law)
    planned = make.plan(exact, 5.76e23)
    size, tokens = forms.chinchilla_optimum(5.76e23, *(law[k] for k in ("A", "B", "alpha", "beta")))
    assert planned.size.value == pytest.approx(size, rel=1e-6)
    assert planned.tokens.value == pytest.approx(tokens, rel=1e-6)
    assert (size, tokens) == (pytest.approx(70e9, rel=0.1), pytest.approx(1.4e12, rel=0.1))
    again = make.plan(exact, loss=planned.loss.value)
    assert again.flops == pytest.approx(5.76e23, rel=1e-6)


def test_a_planted_optimum_is_recovered_from_a_noiseless_sweep():
    fit = fit_table(pd.DataFrame(make_rows(6, noise=0.0)), bootstrap=0)
    n, d, loss = best(FLOPS)
    surface = make.plan(fit, FLOPS, law="chinchilla")
    # The table's flops are 1.001 times 6 N D: the same shift of compute.
    assert surface.size.value == pytest.approx(n, rel=2e-3)
    assert surface.tokens.value == pytest.approx(d, rel=2e-3)
    assert surface.loss.value == pytest.approx(loss, rel=2e-4)
    minima = make.plan(fit, FLOPS)
    assert minima.law == "forecast"
    assert minima.size.value == pytest.approx(n, rel=0.05)
    assert minima.loss.value == pytest.approx(loss, rel=0.01)


def test_flops_per_token_that_differ_by_size_move_the_optimum(exact):
    """Small models pay 12 FLOPs per parameter and token, large ones 6: found by a fine search."""
    tokens = FlopsRatio(size=[1e5, 1e7], flops_per_param_token=[12.0, 6.0])
    planned = make.plan(replace(exact, tokens=tokens), FLOPS)
    n = np.geomspace(1e4, 1e8, 400_001)
    ratio = np.exp(np.interp(np.log(n), np.log([1e5, 1e7]), np.log([12.0, 6.0])))
    loss = (
        planted.E + planted.A * n**-planted.ALPHA + planted.B * (FLOPS / ratio / n) ** -planted.BETA
    )
    assert planned.size.value == pytest.approx(n[loss.argmin()], rel=1e-4)
    assert planned.loss.value == pytest.approx(loss.min(), rel=1e-9)


@pytest.mark.parametrize("law", [None, "chinchilla"])
@pytest.mark.parametrize("times", [0.01, 3.0, 1e4])
def test_a_target_loss_is_the_inverse_of_a_budget(measured, law, times):
    forward = make.plan(measured, FLOPS * times, law=law)
    back = make.plan(measured, loss=forward.loss.value, law=law)
    assert back.flops == pytest.approx(FLOPS * times, rel=1e-6)
    assert back.size.value == pytest.approx(forward.size.value, rel=1e-5)


def test_the_interval_of_a_compute_is_where_the_resamples_reach_the_loss(measured):
    source = optimum.source(measured)
    found = make.plan(measured, loss=0.55).compute
    reached = np.sort(optimum.compute_for(source, 0.55)[1:])
    assert source.loss(found.value)[0] == pytest.approx(0.55)
    assert reached[0] < found.interval[0] < found.value < found.interval[1] < reached[-1]


def test_a_loss_that_no_compute_reaches_is_one_clear_line(measured, exact):
    with pytest.raises(InputError, match=r"no compute reaches a loss of 0.2: .* E = 0.3"):
        make.plan(exact, loss=0.2)
    with pytest.raises(InputError, match="expected a loss above 0"):
        make.plan(measured, loss=-1.0)
    draws = {name: [value] * 40 for name, value in TRUTH.items()}
    exact = changed(exact, draws=draws | {"E": list(np.linspace(0.25, 0.4, 40))})
    found = make.plan(exact, loss=0.36).compute
    assert found.interval[0] < found.value
    assert found.interval[1] is None


def test_a_size_off_the_best_one_costs_what_the_planted_law_says(exact):
    size, _, lowest = best(FLOPS)
    for row in off_size.cost(exact, None, FLOPS).rows:
        loss = planted.planted_loss(row.times * size, FLOPS)
        # A flat minimum is found to the square root of a float's precision, and the size with it.
        assert row.penalty.value == pytest.approx(loss / lowest - 1, abs=1e-7)
        as_good = best(FLOPS * (1 - row.wasted.value))[2]
        assert as_good == pytest.approx(loss, rel=1e-7)


def test_without_a_surface_the_parabolas_say_what_a_size_costs(measured):
    fit = changed(measured, status=Status.of("not identified"))
    by_parabolas = off_size.cost(fit, optimum.source(fit), SMALLEST * 16)
    assert by_parabolas.by == "the parabolas of 6 budgets"
    size, lowest = planted.optimum(SMALLEST * 16)
    for row in by_parabolas.rows:
        truth = planted.planted_loss(row.times * size, SMALLEST * 16) / lowest - 1
        assert row.penalty.value == pytest.approx(truth, rel=0.2, abs=1e-12)
        assert row.penalty.interval[0] <= row.penalty.value


def test_a_device_costs_its_peak_its_share_and_its_price():
    found = devices.cost(1e21, devices.device("H100"), 0.4, devices=8, price=2.5)
    assert found.gpu_hours == pytest.approx(1e21 / (989.5e12 * 0.4) / 3600)
    assert found.wall_hours == pytest.approx(found.gpu_hours / 8)
    assert found.usd == pytest.approx(2.5 * found.gpu_hours)
    assert devices.cost(1e21, devices.device("mine", peak=1e12)).usd is None
    with pytest.raises(InputError, match=r"not in the table .*h100.* --peak"):
        devices.device("mine")
    for wrong in ({"mfu": 1.4}, {"mfu": 0.0}, {"devices": 0}, {"price": -1.0}):
        with pytest.raises(InputError, match=f"--{next(iter(wrong))} is"):
            devices.cost(1e21, devices.device("h100"), **wrong)


def test_learning_rate_batch_and_steps_follow_the_best_runs(measured, rows):
    rows = rows.assign(lr=3e-3 * (rows["flops"] / SMALLEST) ** -0.2, batch=16)
    found = training.settings(measured, rows, FLOPS, 1e5, 1e9)
    assert found.lr.value == pytest.approx(3e-3 * 64**-0.2, rel=1e-9)
    assert found.batch == Answer(16.0)
    assert found.steps.value == pytest.approx(1e9 / (16 * 192), rel=1e-9)
    noisy = rows.assign(lr=rows["lr"] * np.exp(0.1 * np.sin(rows["params"])))
    low, high = training.settings(measured, noisy, FLOPS, 1e5, 1e9).lr.interval
    assert low < 3e-3 * 64**-0.2 < high
    assert training.settings(measured, None, FLOPS, 1e5, 1e9) is None


def test_a_sweep_of_learning_rates_goes_before_what_the_best_runs_used(measured, rows):
    at = {"params": np.array([1e4, 1e5, 1e6, 2e6]), "tokens": np.array([1e8, 3e8, 9e8, 5e9])}
    planted_lr = 0.5 * at["params"] ** -0.3 * at["tokens"] ** -0.1
    law = Hyperparameters(
        n=4, inputs=tuple(at), laws={"lr": loglinear.fit(at, planted_lr)}, said={}, cells=(),
        noise=None, costs={}, diverged=(),
    ).entry()  # fmt: skip
    fit = replace(measured, laws={**measured.laws, "hyperparameters": law})
    found = training.settings(fit, rows, FLOPS, 1e5, 1e9)
    assert found.lr.value == pytest.approx(0.5 * 1e5**-0.3 * 1e9**-0.1, rel=1e-6)
    assert "sweep of learning rate" in found.by


def test_a_rank_one_update_is_the_inverse_of_all_rows():
    rng = np.random.default_rng(0)
    rows, new, gradient = rng.normal(size=(9, 4)), rng.normal(size=4), rng.normal(size=4)
    before = np.linalg.inv(rows.T @ rows)
    after = np.linalg.inv(rows.T @ rows + np.outer(new, new))
    np.testing.assert_allclose(next_runs.update(before, new), after, rtol=1e-9)
    fall = gradient @ before @ gradient - gradient @ after @ gradient
    assert next_runs.reduction(before, new[None], gradient)[0] == pytest.approx(fall, rel=1e-9)


@pytest.mark.parametrize("target", next_runs.TARGETS)
def test_what_a_run_is_worth_agrees_with_refits_of_simulated_sweeps(measured, rows, target):
    """The sd of 1,500 refits with and without the runs chosen: their ratio is known to 2.6 %."""
    surface = exact_surface()
    fit = changed(measured, parameters=TRUTH)
    chosen = next_runs.next_runs(fit, FLOPS, lambda flops: flops / 1e15, target, rows, count=2)
    assert chosen[0].left > chosen[1].left
    more = pd.DataFrame([{"params": run.size, "tokens": run.tokens} for run in chosen])
    wide, narrow = (spread(table, surface, target) for table in (rows, pd.concat([rows, more] * 1)))
    assert narrow / wide == pytest.approx(chosen[-1].left, rel=0.08)


def exact_surface():
    parameters = {name: np.array([value]) for name, value in TRUTH.items()}
    return optimum.Surface("chinchilla", parameters, optimum.ladder(Fit("", {}, {})))


def spread(table, surface, target, sd=0.002, count=1500):
    """Sd of the log of the planned number over refits of the planted law with noise."""
    inputs = {name: table[name].to_numpy(float) for name in ("params", "tokens")}
    loss = forms.chinchilla(*inputs.values(), *(TRUTH[k] for k in ("E", "A", "B", "alpha", "beta")))
    posed = problem(LAWS["chinchilla"], inputs, loss, Objective("log_mse"))
    found = engine.fit(posed, rng=np.random.default_rng(0))
    thetas = resamples.parametric(found, sd, count, np.random.default_rng(1))
    draws = intervals.named(found, thetas)
    fitted = optimum.Surface("refits", {k: draws[k] for k in optimum.SIGNS}, surface.ladder)
    return np.log(getattr(fitted, target)(FLOPS)).std()


def test_next_runs_say_nothing_where_the_law_is_not_identified(measured):
    assert next_runs.next_runs(measured, FLOPS, lambda flops: flops)
    fit = changed(measured, status=Status.of("bound hit"))
    assert next_runs.next_runs(fit, FLOPS, lambda flops: flops) == []


def test_the_command_prints_a_plan_and_writes_it(measured, rows, tmp_path, capsys):
    fit, table, out = tmp_path / "fit.json", tmp_path / "results.csv", tmp_path / "plan.json"
    fit.write_text(json.dumps(measured.to_json()))
    rows.to_csv(table, index=False)
    more = ["--table", str(table), "--out", str(out), "--png", str(tmp_path / "plan.png")]
    plan.main([str(fit), "--flops", "2e13", "--price", "2.5", *more])
    said = capsys.readouterr().out
    for words in ("model size", "learning rate", "steps", "USD at 2.5", "4 x the size", "narrower"):
        assert words in said
    assert "warning: 3.12 times the largest budget measured, an extrapolation" in said
    assert json.loads(out.read_text())["flops"] == 2e13
    assert (tmp_path / "plan.png").stat().st_size > 10_000
    plan.main([str(fit), "--flops", "1e21", "--device", "tpu-v5p", "--devices", "256"])
    assert "times the largest budget measured; nothing here shows" in capsys.readouterr().out
    plan.main([str(fit), "--loss", "0.5"])
    assert "The least compute for a loss of 0.5" in capsys.readouterr().out


def test_the_command_says_what_is_wrong(measured, rows, tmp_path):
    fit = tmp_path / "fit.json"
    with pytest.raises(InputError, match="no such file"):
        plan.main([str(fit), "--flops", "1e12"])
    fit.write_text("{}")
    with pytest.raises(InputError, match="expected a fit"):
        plan.main([str(fit), "--flops", "1e12"])
    fit.write_text(json.dumps(measured.to_json()))
    with pytest.raises(InputError, match="--flops is -1"):
        plan.main([str(fit), "--flops", "-1"])
    with pytest.raises(InputError, match=r"can be planned with .*chinchilla"):
        plan.main([str(fit), "--flops", "1e12", "--law", "bnsl"])
    rows.assign(run_id=lambda t: "other" + t["run_id"]).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(InputError, match="does not hold the runs of the fit"):
        plan.main([str(fit), "--flops", "1e12", "--table", str(tmp_path / "t.csv")])
    fit.write_text(json.dumps({"laws": {}, "columns": {}}))
    with pytest.raises(InputError, match="no law of size and loss to plan with"):
        plan.main([str(fit), "--flops", "1e12"])


def test_the_figure_has_three_panels_with_the_planned_point(measured, exact):
    for fit in (measured, exact):
        drawn = figure.plan(fit, make.plan(fit, FLOPS), style.LIGHT)
        loss, size, off = drawn.axes
        assert off.get_ylabel() == "loss higher by (%)"
        marks = [line for ax in (loss, size) for line in ax.lines if line.get_marker() == "D"]
        assert [line.get_xdata()[0] for line in marks] == [FLOPS, FLOPS]
