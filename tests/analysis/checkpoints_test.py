"""Checkpoints before the end of their schedule: rows of the table that enter only what asks."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis import compare, laws, plan, rates, report
from analysis.engine import problem
from analysis.fitting import again, exponents
from analysis.fitting.rows import prepare, swept
from analysis.frontier import prediction, selection
from analysis.laws import hyperparameters, loglinear
from analysis.table import columns, serial
from tests.analysis.hyperparameters_test import sweep
from tests.analysis.synthetic_sweep import before_the_end, make_rows, scores_of, with_checkpoints

OF_RUNS = ("chinchilla", "gamma", "kaplan", "width_depth", "width_depth_params", "repeated")
UNEVEN = 1, 3, 2  # what makes the sweep tell laws of depth and of repeated data
RUNS = [
    row
    | {name: value for name, value in scores_of(row).items() if name != "step"}
    | {"depth": 4 * UNEVEN[i % 3], "unique_tokens": row["tokens"] / UNEVEN[i % 3]}
    | {"fvd": 100 * row["loss_ema"]}
    for i, row in enumerate(make_rows(7))
]
EACH = 4  # rows of a run
pytestmark = pytest.mark.usefixtures("kept_outlooks")  # whatever law is asked for, of these runs


def whole():
    return pd.DataFrame(RUNS)


def mixed():
    return pd.DataFrame(with_checkpoints(RUNS))


def said(told):
    """A fit without what names rows by their place in the table."""
    return json.loads(
        json.dumps({k: v for k, v in told.items() if k not in ("dropped", "flagged")})
    )


def numbers_of_runs():
    return np.repeat(np.arange(len(RUNS)), EACH).tolist()


# --- laws -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "law",
    [law for law in (*laws.names(), "all") if law != "annealing"],  # that is of curves
)
def test_a_fit_is_that_of_the_table_without_them(law):
    options = {"bootstrap": 20, "metric": "fvd"}
    without = analysis.fit(whole(), law, **options).to_json()
    found = analysis.fit(mixed(), law, **options).to_json()
    assert said(found) == said(without)
    (gone,) = found["dropped"]
    assert gone["rows"] == (EACH - 1) * len(RUNS)
    assert "the schedule had not ended" in gone["line"]


@pytest.mark.parametrize("law", OF_RUNS)
def test_a_law_of_runs_takes_them_in_when_asked_and_its_clusters_are_the_runs(law, monkeypatch):
    seen, pose = [], problem.problem
    monkeypatch.setattr(problem, "problem", lambda *a, **k: seen.append(pose(*a, **k)) or seen[-1])
    found = analysis.fit(mixed(), law, unannealed=True, bootstrap=0).to_json()
    assert found["n"] == EACH * len(RUNS)
    fitted = [one for one in seen if one.law.name == law and len(one.loss) == found["n"]]
    assert fitted
    assert all(one.cluster.tolist() == numbers_of_runs() for one in fitted)


@pytest.mark.parametrize("older", [0, 20])
def test_the_clusters_are_the_runs_also_where_older_rows_have_no_trunk(older):
    table = mixed()
    table["trunk"] = table["run_id"].where(table.index >= older * EACH)
    rows = prepare(table, ("params", "tokens", "loss"), unannealed=True)
    assert rows.cluster().tolist() == numbers_of_runs()


def test_a_row_whose_run_is_not_known_is_a_run_of_its_own():
    table = whole().head(4).assign(run_id=["a", None, None, "a"])
    assert columns.assign(table).table["group"].tolist() == ["a", "row 2", "row 3", "a"]


def test_intervals_with_them_are_of_runs_not_of_rows():
    """Copies of a run's row tell nothing new: as rows of their own they halve the interval."""
    copies = (  # of the same inputs they would be drawn together, run or not
        whole().assign(steps=k, annealed=False, tokens=whole()["tokens"] * (1 + 1e-6 * k))
        for k in range(1, EACH)
    )
    table = pd.concat([whole(), *copies], ignore_index=True)
    wide, narrow = (
        analysis.fit(
            table.assign(name=name), group="name", unannealed=True, law="chinchilla"
        ).to_json()
        for name in (table["run_id"], table.index)
    )
    right = analysis.fit(whole(), "chinchilla").to_json()
    wide, narrow, right = (np.ptp(fit["ahead"]["interval"]) for fit in (wide, narrow, right))
    assert narrow < 0.65 * right
    assert wide == pytest.approx(right, rel=0.3)


def test_budgets_and_the_laws_through_them_never_take_them_in():
    without = said(analysis.fit(whole(), "isoflop", bootstrap=20).to_json())
    found = said(analysis.fit(mixed(), "isoflop", unannealed=True, bootstrap=20).to_json())
    for part in ("parameters", "budgets", "size_law", "rollout", "noise", "gain", "tokens"):
        assert found[part] == without[part]
    bare = pd.DataFrame(with_checkpoints(RUNS, (0.25, 0.5))).drop(columns="annealed")
    found = said(analysis.fit(bare, "isoflop", unannealed=True, bootstrap=20).to_json())
    assert found["budgets"] == without["budgets"]  # under 90 % of the budget was spent


def test_a_metrics_law_counts_runs():
    found = analysis.fit(mixed(), "metric", metric="fvd", unannealed=True, bootstrap=0).to_json()
    assert (found["n"], found["runs"]) == (EACH * len(RUNS), len(RUNS))


def test_the_law_of_learning_rates_counts_runs():
    """Cells of the same runs are one measurement; t and the variance have the runs' freedom."""
    table = sweep(sd=0.003)
    run = table.groupby("params").cumcount() % 25 + 25 * table["params"].rank(method="dense")
    found = analysis.fit(table.assign(run_id=run), "hyperparameters", bootstrap=0).to_json()
    rows = serial.to_json(hyperparameters.fit(table).entry())
    assert found["parameters"] == rows["parameters"]
    assert found["noise"]["df"] == rows["noise"]["df"] // 3
    cells, sizes, freed = 12, 4, 3  # each size at three amounts of data
    for axis in ("lr", "batch"):
        laws = found["laws"]["hyperparameters"]["laws"], rows["laws"]
        df = [law[axis]["df"] for law in laws]
        assert df == [sizes - freed, cells - freed]
        assert np.ptp(found["intervals"][f"{axis}_params"]) > 3 * np.ptp(
            rows["intervals"][f"{axis}_params"]
        )


def test_rows_that_repeat_others_leave_a_power_law_as_it_is():
    x = np.geomspace(1, 100, 6)
    y = x**0.5 * np.exp(0.1 * np.sin(9 * x))
    once = loglinear.fit({"x": x}, y)
    thrice = loglinear.fit({"x": np.tile(x, 3)}, np.tile(y, 3), independent=6)
    assert thrice.intervals()["x"] == pytest.approx(once.intervals()["x"], rel=1e-9)
    ends = [law.predict({"x": 1e3}, new=True).interval for law in (once, thrice)]
    assert ends[1] == pytest.approx(ends[0], rel=1e-9)


def test_exponents_are_those_of_the_table_without_them():
    more = {"params_total": 1e5, "params_no_adaln": 1e4}
    found, without = (
        exponents.of_rows(swept(table.assign(**more)), bootstrap=20)[0]
        for table in (mixed(), whole())
    )
    pd.testing.assert_frame_equal(found, without)


# --- what is made of the frontier -----------------------------------------------------------------


def test_neither_prediction_nor_verdict_nor_page_takes_them_in():
    made = []
    for table in (whole(), mixed()):
        before = table[table["flops_budget"] < table["flops_budget"].max()]
        said = replace(prediction.predict(before), created=1.6e9)
        fit = analysis.fit(table, bootstrap=20)
        assert again.are_of(swept(table), fit)
        page, judged, png = report.build(table, fit, said)
        page = re.sub(r"<p>left out \d+ rows, unfinished \([^<]*</p>\n", "", page)
        made.append((said, judged, png, page))
    for without, found in zip(*made, strict=True):
        assert found == without


def test_a_fit_stands_while_a_larger_budget_is_still_training():
    fit = analysis.fit(whole(), bootstrap=0)
    going = before_the_end(RUNS[-1], 0.5) | {"run_id": "going"}
    going["flops_budget"] *= 2
    table = pd.DataFrame([*RUNS, going])
    assert again.are_of(swept(table), fit)
    assert "going" not in set(selection.select(table, "loss_ema", "params")[0]["run_id"])


def test_a_plan_is_made_of_the_runs_that_ended():
    found, without = (
        plan.plan(analysis.fit(table, bootstrap=20), flops=1e13, rows=table)
        for table in (mixed(), whole())
    )
    assert found == without


# --- comparisons ----------------------------------------------------------------------------------


def planted():
    """Branches beside whole runs of two budgets, seeds and learning rates; a size for each rate."""
    rows = []
    for seed, flops, power, kind in np.ndindex(3, 2, 5, 2):
        row = RUNS[5 * flops] | {"run_id": f"{seed}{flops}{power}{kind}", "seed": seed}
        row |= {"lr": 2.0**power, "size": f"rate {power}", "parameterization": "sp"}
        row |= {"schedule": "wsd", "variant": ("full", "factorised")[kind]}
        row |= {"flops_shared": kind * row["flops"] / 2, "trunk": row["run_id"]}
        row |= {"trunk": f"trunk{seed}{power}"} if kind else {}
        away = 0.01 * (power - 1.9) ** 2 + 0.01 * seed + 0.02 * kind - 0.1 * flops
        rows.append(row | {"loss_ema": np.exp(away + 1e-3 * np.sin(len(rows)))})
    trunks = {row["trunk"] for row in rows} - {row["run_id"] for row in rows}
    stem = RUNS[5] | {"annealed": False, "flops_budget": 0.0, "flops_shared": 0.0}
    stem |= {"parameterization": "sp", "schedule": "constant"}
    return rows + [stem | {"run_id": trunk, "trunk": trunk} for trunk in sorted(trunks)]


@pytest.mark.parametrize(
    ("command", "flags"),
    [
        (
            compare,
            ["--reference", "full", "--where", f"lr == 1 and flops < {1.5 * RUNS[0]['flops']}"],
        ),
        (rates, ["--png", "rates.png"]),
    ],
)
def test_a_comparison_is_that_of_the_table_without_them(
    command, flags, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    made = []
    for rows in (planted(), with_checkpoints(planted())):
        pd.DataFrame(rows).to_csv("table.csv", index=False)
        command.main(["table.csv", *flags, "--out", "out.csv"])
        written = [path.read_bytes() for path in sorted(tmp_path.glob("[!t]*.*"))]
        made.append((capsys.readouterr().out, written))
    assert made[0] == made[1]
