"""Columns are found by the names that others use, and what was guessed is said."""

import json

import numpy as np
import pytest

from analysis.fitting import command
from tests.analysis.foreign_tables import rows_of, runs, same, written


@pytest.mark.parametrize(
    "columns",
    [
        ("N", "D", "C", "L"),
        ("n_params", "train_tokens", "compute", "final_loss"),
        ("Model Size", "Training Tokens", "Training FLOP", "Val Loss"),
        ("config/num_params", "config/tokens", "summary.total_flops", "eval/loss"),
        ("modelSize", "tokensSeen", "trainFlops", "valLoss"),
    ],
)
def test_columns_are_found_by_the_names_that_others_use_and_said(columns):
    renamed = dict(zip(runs().columns, columns, strict=True))
    found = rows_of(runs().rename(columns=renamed))
    assert same(found)
    assert found.columns == renamed
    told = ", ".join(f"{role} is {column!r}" for role, column in renamed.items())
    assert found.notes[0].startswith(f"columns by their names: {told} (--params COL")


def test_a_column_that_was_named_and_the_results_tables_own_come_before_a_guess():
    table = runs().assign(N=1.0, final_loss=9.0, val_loss=8.0)
    assert same(rows_of(table))
    assert not any("by their names" in note for note in rows_of(table).notes)
    assert (rows_of(table, given={"loss": "val_loss"}).fitted["loss"] == 8).all()


def test_the_flops_spent_may_be_the_budgets_too():
    table = runs().rename(columns={"flops": "FLOPs (1e18)"})
    table["FLOPs (1e18)"] /= 1e18
    found = rows_of(table, given={"budget": "FLOPs (1e18)"})
    assert found.columns["flops"] == found.columns["budget"] == "FLOPs (1e18)"
    assert np.allclose(found.as_results()["flops_budget"], runs()["flops"])


def test_a_column_without_numbers_is_neither_taken_nor_guessed():
    assert rows_of(runs().assign(loss_ema=np.nan)).columns["loss"] == "loss"
    table = runs().rename(columns={"flops": "C"}).assign(compute="H100")
    assert rows_of(table).columns["flops"] == "C"


def test_what_was_guessed_is_printed_and_written(tmp_path, capsys):
    table = written(runs().rename(columns={"loss": "L"}), tmp_path / "t.csv", sep=";")
    command.main([str(table), "--law", "power", "--bootstrap", "0", "--out", f"{tmp_path}/f.json"])
    notes = json.loads((tmp_path / "f.json").read_text())["notes"]
    assert notes[0] == "read as a table with semicolons between columns"
    assert notes[1] == "columns by their names: loss is 'L' (--loss COL and so on name others)"
    printed = capsys.readouterr().err
    assert all(f"note: {note}\n" in printed for note in notes)
