"""Anybody's table: planted and published laws come back."""

import json

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis.fitting import command, summary
from analysis.fitting.result import Fit
from tests.analysis.synthetic_sweep import make_rows, optimum
from tests.paths import reference
from vdit.errors import InputError

TRUTH = {"A": 400.0, "B": 2000.0, "E": 1.7, "alpha": 0.34, "beta": 0.37}
NAMES = {"params": "N", "tokens": "D", "loss": "L"}
KEYS = {
    "law", "objective", "n", "objective_value", "parameters", "derived", "intervals", "status",
    "held_out",
}  # fmt: skip


def runs(noise=0.0, seed=0, sizes=6):
    """A table under somebody else's names, of a planted Chinchilla law."""
    n = np.repeat(np.geomspace(1e6, 1e9, sizes), sizes)
    d = np.tile(np.geomspace(1e8, 1e11, sizes), sizes)
    loss = TRUTH["E"] + TRUTH["A"] * n ** -TRUTH["alpha"] + TRUTH["B"] * d ** -TRUTH["beta"]
    loss = loss * np.exp(noise * np.random.default_rng(seed).standard_normal(len(n)))
    return pd.DataFrame({"N": n, "D": d, "L": loss})


def fit(table, law="chinchilla", bootstrap=0, **options):
    return analysis.fit(table, law=law, bootstrap=bootstrap, **{**NAMES, **options}).to_json()


def run(table, *flags):
    """The command as a user runs it: its JSON."""
    out = table.with_name("fit.json")
    command.main([str(table), "--out", str(out), *flags])
    return json.loads(out.read_text(), parse_constant=lambda name: pytest.fail(name))


@pytest.mark.parametrize("objective", ["huber", "lad", "log_mse", "mse"])
def test_a_planted_law_comes_back_from_a_foreign_table(objective):
    found = fit(runs(), objective=objective)
    assert found["parameters"] == pytest.approx(TRUTH, rel=1e-6)
    assert found["derived"]["a"] == pytest.approx(0.37 / 0.71, rel=1e-6)
    assert found["status"]["word"] == "converged"
    assert found["columns"] == NAMES
    assert found["objective"]["delta"] == (1e-3 if objective == "huber" else None)


def test_the_truth_lies_within_its_intervals_about_as_often_as_they_say():
    inside = []
    for seed in range(10):
        found = fit(runs(noise=0.003, seed=seed), bootstrap=200)
        inside += [low < TRUTH[k] < high for k in TRUTH for low, high in [found["intervals"][k]]]
    assert found["bootstrap"] == 200
    assert np.mean(inside) >= 0.84  # ten tables of five parameters that move together


def test_the_published_fit_of_a_published_table(tmp_path):
    path = reference("fits/epoch_chinchilla/svg_extracted_data.csv")
    flags = ["--params", "Model Size", "--flops", "Training FLOP", "--bootstrap", "0"]
    command.main(
        [str(path), "--law", "chinchilla", "--where", "loss < 3.44", *flags,
         "--out", str(tmp_path / "fit.json")]
    )  # fmt: skip
    found = json.loads((tmp_path / "fit.json").read_text())
    truth = {"A": 477.826, "B": 2143.417, "E": 1.817218, "alpha": 0.347310, "beta": 0.367172}
    assert found["n"] == 240
    assert found["parameters"] == pytest.approx(truth, rel=1e-5)
    assert found["objective_value"] == pytest.approx(0.00101827401780, rel=1e-9)
    assert any("D = C / (6 N)" in note for note in found["notes"])


def test_two_of_size_tokens_and_compute_are_enough():
    table = runs(noise=0.002)
    table["C"] = 6 * table["N"] * table["D"]
    whole = fit(table)["parameters"]
    for role, column in (("tokens", "D"), ("params", "N")):
        left = {**NAMES, "flops": "C"}
        del left[role]
        found = analysis.fit(
            table.drop(columns=column), "chinchilla", bootstrap=0, **left
        ).to_json()
        assert found["parameters"] == pytest.approx(whole, rel=1e-6)
        assert any(f"no column for {role}" in note for note in found["notes"])


def test_rows_held_out_are_predicted_and_not_fitted():
    table = runs(noise=0.002)
    table.loc[table["N"] > 5e8, "L"] *= 1.3
    found = fit(table, hold_out="N > 5e8", where="D > 2e8", bootstrap=200)
    assert found["rows"] == found["n"] == 25
    held = found["held_out"]
    assert [row["row"] for row in held["rows"]] == [32, 33, 34, 35, 36]
    assert held["rms_log_error"] == pytest.approx(np.log(1.3), abs=0.01)
    assert not any(
        low < row["observed"] < high for row in held["rows"] for low, high in [row["interval"]]
    )
    table.loc[table["N"] > 5e8, "L"] /= 1.3
    inside = fit(table, hold_out="N > 5e8", bootstrap=200)["held_out"]["rows"]
    assert (
        np.mean([low < r["observed"] < high for r in inside for low, high in [r["interval"]]]) > 0.6
    )


def test_checkpoints_of_one_run_are_resampled_together():
    table = runs(sizes=5)
    table["model"] = np.arange(len(table)).astype(str)
    shared = np.exp(0.01 * np.random.default_rng(1).standard_normal(len(table)))
    copies = [table.assign(L=table["L"] * shared, D=table["D"] * (1 + 1e-6 * i)) for i in range(6)]
    table = pd.concat(copies, ignore_index=True)
    apart, together = (
        fit(table, bootstrap=200, group=group)["intervals"]["alpha"] for group in (None, "model")
    )
    assert np.ptp(together) > 1.7 * np.ptp(apart)


def test_rows_weigh_by_their_measured_noise():
    table = runs()
    table["se"] = 1e-3
    table.loc[::4, "L"] *= 1.05
    table.loc[::4, "se"] = 1.0
    equal, weighted = (fit(table, objective="log_mse", loss_se=se) for se in (None, "se"))
    assert weighted["parameters"]["E"] == pytest.approx(TRUTH["E"], abs=1e-4)
    assert abs(equal["parameters"]["E"] - TRUTH["E"]) > 1e-2
    assert any("noise in se" in note for note in weighted["notes"])


def test_every_law_that_the_table_allows_in_one_call(tmp_path, capsys):
    pd.DataFrame(make_rows(6)).to_csv(tmp_path / "t.csv", index=False)
    found = run(tmp_path / "t.csv", "--law", "all", "--bootstrap", "30")
    assert {"frontier", "power", "chinchilla", "gamma", "kaplan", "isoflop", "envelope"} <= set(
        found["laws"]
    )
    assert found["version"] == 3
    for name, law in found["laws"].items():
        assert set(law) >= KEYS
        assert law["law"] == name
        assert law["status"]["words"].startswith(law["status"]["word"])
    told = capsys.readouterr().out
    assert "the methods differ by" in told
    assert max(map(len, told.splitlines())) < 160
    # Methods that share nothing but the table agree on the planted best size and loss.
    best = [optimum(c)[0] for c in (2e11, 64e11)]
    a = np.log(best[1] / best[0]) / np.log(32)
    for law in ("isoflop", "chinchilla", "gamma"):
        assert found["laws"][law]["derived"]["a"] == pytest.approx(a, abs=0.06)
    ahead = found["laws"]["chinchilla"]["ahead"]
    assert ahead["loss"] == pytest.approx(optimum(ahead["flops"])[1], rel=0.01)
    assert ahead["interval"][0] < ahead["loss"] < ahead["interval"][1]


def test_a_law_of_compute_reads_the_envelope_where_there_are_no_budgets():
    c = np.geomspace(1e17, 1e20, 13)
    on = 2.0 + 3000.0 * c**-0.2
    table = pd.DataFrame({"N": 1e-3 * c**0.5, "C": c, "L": on})
    above = pd.concat([table, table.assign(N=10 * table["N"], L=on * 1.1)], ignore_index=True)
    found = analysis.fit(above, "frontier", params="N", flops="C", loss="L", bootstrap=0).to_json()
    assert found["parameters"]["E"] == pytest.approx(2.0, rel=1e-4)
    assert found["parameters"]["g"] == pytest.approx(0.2, rel=1e-4)
    assert found["n"] == 13
    assert "lower envelope" in found["fitted_to"]


def test_budgets_held_out_are_predicted_by_the_frontier():
    table = pd.DataFrame(make_rows(6))
    found = analysis.fit(table, "frontier", hold_out="flops_budget > 5e12", bootstrap=300).to_json()
    (row,) = found["held_out"]["rows"]
    assert row["interval"][0] < row["observed"] < row["interval"][1]
    assert found["ahead"]["flops"] == pytest.approx(8 * 2e11 * 16, rel=0.01)
    assert len(found["budgets"]) == 5


def test_a_truncated_sweep_is_flagged():
    rows = [row for row in make_rows(5) if row["run_id"][2:4] in ("00", "01", "02")]
    found = analysis.fit(pd.DataFrame(rows), "isoflop", bootstrap=0).to_json()
    kinds = {warned["kind"] for warned in found["warnings"]}
    assert "edge" in kinds or "off_centre" in kinds
    assert any(line.startswith("warning: ") for line in summary.warnings(Fit.from_json(found)))
    whole = analysis.fit(pd.DataFrame(make_rows(5)), "isoflop", bootstrap=0).to_json()
    assert not kinds & {warned["kind"] for warned in whole["warnings"]}


def test_a_budget_is_what_a_column_says_it_is():
    table = pd.DataFrame(make_rows(5)).rename(columns={"flops_budget": "group"})
    found = analysis.fit(table, "isoflop", budget="group", bootstrap=0).to_json()
    assert len(found["budgets"]) == 5
    with pytest.raises(InputError, match=r"missing column 'flops_budget'.*--budget"):
        analysis.fit(table, "isoflop", bootstrap=0).to_json()
    assert "budgets" not in analysis.fit(table, "power", bootstrap=0).to_json()


def test_expressions_name_the_users_columns_and_roles():
    table = runs().rename(columns={"N": "Model Size"})
    found = fit(table, params="Model Size", where="`Model Size` > 1e7 and flops < 1e20")
    n, d = table["Model Size"], table["D"]
    assert found["rows"] == int(((n > 1e7) & (6 * n * d < 1e20)).sum())


def test_parquet_is_read_as_csv_is(tmp_path):
    runs().to_parquet(tmp_path / "t.parquet")
    flags = ["--params", "N", "--tokens", "D", "--loss", "L", "--law", "chinchilla"]
    found = run(tmp_path / "t.parquet", *flags, "--bootstrap", "0")
    assert found["parameters"] == pytest.approx(TRUTH, rel=1e-6)
