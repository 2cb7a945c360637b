"""Rows are left out for a reason that is named, and none without a word."""

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis.fitting import summary
from analysis.fitting.result import Fit
from analysis.table import columns, hygiene
from tests.analysis.synthetic_sweep import make_rows
from vdit.errors import InputError


@pytest.fixture
def table():
    return pd.DataFrame(make_rows(4))


def clean(table, **options):
    return hygiene.clean(columns.assign(table).table, **options)


def reasons(found):
    return {gone.reason: gone.run_ids for gone in found}


def test_a_clean_table_is_left_alone(table):
    rows, found = clean(table)
    assert len(rows) == len(table)
    assert found == []


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("loss_ema", np.inf, "diverged"),
        ("loss_ema", np.nan, "diverged"),
        ("diverged", True, "diverged"),
        ("status", "crashed", "failed"),
        ("state", "Running", "unfinished"),
        ("annealed", False, "unfinished"),
        ("flops", 1e10, "unfinished"),
    ],
)
def test_each_reason_is_named_with_its_run(table, column, value, reason):
    if column not in table:
        table[column] = "finished" if isinstance(value, str) else False
    table.loc[4, column] = value
    rows, found = clean(table)
    assert reasons(found) == {reason: (table["run_id"][4],)}
    assert found[0].row_numbers == (5,)
    assert table["run_id"][4] in found[0].line
    assert len(rows) == len(table) - 1


def test_a_loss_no_better_than_predicting_nothing_has_diverged(table):
    worst = float(table["loss_ema"].nlargest(2).mean())
    rows, found = clean(table, worst=worst)
    assert len(rows) == len(table) - 1
    assert f"not below {worst:g}" in found[0].words


def test_checkpoints_enter_when_asked_for(table):
    table.loc[:3, "annealed"] = False
    assert len(clean(table)[0]) == len(table) - 4
    assert len(clean(table, unannealed=True)[0]) == len(table)


def test_duplicates_are_an_error_until_asked_to_drop(table):
    twice = pd.concat([table, table.iloc[[2]].assign(loss_ema=0.5)], ignore_index=True)
    with pytest.raises(InputError, match=rf"row {len(twice)} .*earlier row.*--drop duplicate"):
        clean(twice)
    rows, found = clean(twice, drop=("duplicate",))
    assert len(rows) == len(table)
    assert reasons(found) == {"duplicate": (table["run_id"][2],)}
    assert rows["loss"].iloc[2] == table["loss_ema"][2]


def test_what_leaves_for_another_reason_is_no_duplicate(table):
    """Blank lines, and runs of one config that all diverged."""
    bare = table[["params", "tokens", "flops", "flops_budget", "loss_ema"]].copy()
    bare.loc[len(bare)] = np.nan
    bare.loc[len(bare)] = np.nan
    bare.loc[len(bare)] = bare.loc[len(bare)] = bare.loc[0].where(bare.columns != "loss_ema")
    rows, found = hygiene.clean(columns.assign(bare).table, needed=("params",))
    assert len(rows) == len(table)
    assert [(gone.reason, gone.rows) for gone in found] == [("blank", 2), ("diverged", 2)]


def test_an_unstable_run_is_flagged_and_dropped_only_when_asked(table):
    table.loc[7, "loss_ema"] *= 1.2
    kept = analysis.fit(table, "chinchilla", bootstrap=0).to_json()
    assert [flag["run_ids"] for flag in kept["flagged"]] == [[table["run_id"][7]]]
    assert kept["dropped"] == []
    gone = analysis.fit(table, "chinchilla", bootstrap=0, drop=["unstable"]).to_json()
    assert [flag["reason"] for flag in gone["dropped"]] == ["unstable"]
    assert gone["dropped"][0]["run_ids"] == [table["run_id"][7]]
    assert gone["n"] == kept["n"] - 1
    assert gone["flagged"] == []
    assert gone["objective_value"] < kept["objective_value"]


def test_a_run_whose_loss_spiked_is_flagged_and_dropped_only_when_asked(table):
    table["spikes"] = 0.0
    table.loc[5, "spikes"] = 2
    table.loc[6, "spikes"] = np.nan  # of older code
    kept = analysis.fit(table, "frontier", bootstrap=0).to_json()
    (flag,) = kept["flagged"]
    assert (flag["reason"], flag["run_ids"]) == ("spiked", [table["run_id"][5]])
    assert flag["line"].startswith("flagged 1 row, spiked (the training loss jumped): ")
    assert "kept; --drop spiked leaves them out" in "\n".join(summary.warnings(Fit.from_json(kept)))
    gone = analysis.fit(table, "frontier", bootstrap=0, drop=["spiked"]).to_json()
    assert [each["run_ids"] for each in gone["dropped"]] == [[table["run_id"][5]]]
    assert gone["flagged"] == []
    assert gone["rows"] == kept["rows"] - 1


def test_only_what_lies_above_by_more_than_the_threshold_is_unstable():
    residual = 0.01 * np.random.default_rng(0).standard_normal(200)
    assert not hygiene.unstable(residual).any()
    residual[[3, 50]] = 0.04, -0.5
    residual[90] = 0.08
    assert np.flatnonzero(hygiene.unstable(residual)).tolist() == [90]
    assert not hygiene.unstable(np.array([0, 0, 0, 0, 0, 0, 0, 0, 4e-3])).any()
    assert not hygiene.unstable(np.array([0, 0, 1.0])).any()


def test_nothing_is_left_out_without_a_word(table):
    table.loc[1, "loss_ema"] = np.inf
    table.loc[2, "annealed"] = False
    table.loc[9, "loss_ema"] *= 1.3
    found = analysis.fit(table, "chinchilla", bootstrap=0, drop=["unstable"]).to_json()
    told = sum(gone["rows"] for gone in found["dropped"])
    assert told == 3
    assert found["rows"] == len(table) - told
