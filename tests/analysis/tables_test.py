"""What must not enter a fit, and what may mislead it, is named.

Every table holds the runs of one planted law in other shapes or troubles.
"""

import json
import re

import numpy as np
import pytest

import analysis
from analysis.fitting import command
from analysis.fitting.result import Fit
from analysis.table import reading
from tests.analysis.foreign_tables import logs, rows_of, runs, said
from tests.paths import awkward
from vdit.errors import InputError

# --- several rows of a run ------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["run", None])
def test_several_rows_of_a_run_are_grouped_and_those_before_its_last_flagged(by):
    table = logs() if by else logs().drop(columns="run")
    found = rows_of(table)
    assert found.cluster().tolist() == logs()["run"].tolist()
    fit = analysis.fit(table, "chinchilla", bootstrap=0).to_json()
    (flag,) = fit["flagged"]
    assert (flag["reason"], flag["rows"]) == ("unannealed", 9 * len(runs()))
    assert "--drop unannealed leaves them out" in said(Fit.from_json(fit))
    ended = analysis.fit(table, "chinchilla", bootstrap=0, drop="unannealed").to_json()
    assert (ended["n"], ended["flagged"]) == (len(runs()), [])
    assert ended["parameters"] == pytest.approx(
        analysis.fit(runs(), "chinchilla", bootstrap=0).to_json()["parameters"]
    )


def test_a_table_that_says_which_schedules_ended_is_believed():
    table = logs().assign(annealed=lambda t: ~t.duplicated("run", keep="first"))
    fit = analysis.fit(table, "chinchilla", bootstrap=0).to_json()
    assert (fit["n"], fit["flagged"]) == (len(runs()), [])
    kept = analysis.fit(
        table.assign(annealed=[True, None] * 140), "chinchilla", bootstrap=0
    ).to_json()
    assert (kept["n"], kept["flagged"]) == (10 * len(runs()), [])


@pytest.mark.parametrize(
    "table",
    [
        runs().assign(run=np.tile(range(7), 4)),  # of replicates: several sizes
        runs().sort_values(["params", "tokens"]),
        runs().assign(params=np.repeat(10.0 ** np.arange(4), 7), tokens=[*2.0 ** np.arange(7)] * 4),
    ],
)  # fmt: skip
def test_runs_of_a_design_are_not_taken_for_rows_of_one(table):
    found = rows_of(table)
    assert found.cluster() is None
    follow = any("each is taken for a run of its own" in note for note in found.notes)
    assert follow == (table["params"].diff() == 0).any()


# --- rows that must not enter ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "words", [("yes", "no"), ("True", "false"), (1, 0), ("done", "N"), (1.0, 0.0)]
)
def test_annealed_is_read_in_words(words):
    table = runs().assign(annealed=[words[i in (2, 5)] for i in range(28)])
    found = rows_of(table)
    (gone,) = found.dropped
    assert (gone.reason, gone.row_numbers) == ("unfinished", (3, 6))
    with pytest.raises(InputError, match="annealed is 'perhaps', expected yes or no"):
        rows_of(table.astype({"annealed": object}).replace({words[1]: "perhaps"}))


def test_a_blank_in_a_needed_column_leaves_its_row_out_and_is_said():
    table = runs()
    table.loc[3, "params"], table.loc[8, "tokens"] = np.nan, np.nan
    fit = analysis.fit(table, "chinchilla", bootstrap=0).to_json()
    assert fit["rows"] == 26
    assert "left out 1 row, blank (no params): row 4" in said(Fit.from_json(fit))
    assert "left out 1 row, blank (no tokens): row 9" in said(Fit.from_json(fit))
    written = table["params"].astype(object).where(table.index != 3, "-")
    assert rows_of(table.assign(params=written)).dropped[0].row_numbers == (4,)


def test_a_loss_in_words_has_diverged_and_lines_of_comment_are_passed_over(tmp_path):
    table = runs().astype({"loss": object})
    table.loc[[2, 5], "loss"] = "diverged", "Inf"
    path, told = tmp_path / "t.csv", []
    path.write_text("# made by hand\n# twice\n" + table.to_csv(index=False))
    found = rows_of(reading.load(path, told.append))
    assert [(gone.reason, gone.row_numbers) for gone in found.dropped] == [("diverged", (3, 6))]
    assert told == ["passed over 2 lines of # before the header"]


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (np.nan, "tokens is blank in every row"),
        ("many", "row 1: tokens is many, expected a number above 0"),
        ("12 parsecs", "row 1: tokens is 12 parsecs"),
        (-1.0, "row 1: tokens is -1.0"),
    ],
)
def test_a_column_that_can_not_be_read_is_an_error(values, line):
    with pytest.raises(InputError, match=re.escape(line)):
        rows_of(runs().assign(tokens=values), given={"tokens": "tokens"})


def test_budgets_that_are_equal_but_for_rounding_are_one():
    table = runs().assign(flops_budget=runs()["flops"] * (1 + 0.004 * np.sin(np.arange(28))))
    table.loc[::2, "flops_budget"] = runs()["flops"]
    fit = analysis.fit(table, "isoflop", bootstrap=0).to_json()
    assert [budget["flops"] for budget in fit["budgets"]] == [1e18, 1e19, 1e20, 1e21]
    assert "budgets within 2% of each other are one: 4 of 18" in fit["notes"]
    apart = rows_of(runs().assign(budget=runs()["flops"] * (1 + 0.03 * (np.arange(28) % 2))))
    assert apart.fitted["budget"].nunique() == 8
    close = runs().assign(budget=runs()["flops"] * np.tile(np.linspace(1, 1.06, 7), 4))
    assert rows_of(close).fitted["budget"].nunique() == 28  # a stretch, and no rounding


# --- tables that were read wrongly ----------------------------------------------------------------


def fitted(name, tmp_path, *flags):
    out = tmp_path / "fit.json"
    command.main([str(awkward(name)), "--law", "chinchilla", *flags, "--out", str(out)])
    return json.loads(out.read_text())


def test_checkpoints_of_runs_that_had_not_ended(tmp_path):
    """490 rows of 49 runs: as rows of their own their exponent was .413 to .450."""
    found = fitted("table_ckpts.csv", tmp_path, "--bootstrap", "200")
    assert found["columns"]["group"] == "run"
    assert found["flagged"][0]["rows"] == 441
    low, high = found["intervals"]["a"]
    assert 0.401 < low < 0.430 < high < 0.459


def test_duplicates_behind_the_index_of_pandas(tmp_path):
    with pytest.raises(InputError, match=r"row 50: the same in every column .*\(9 such"):
        fitted("table_dup_index.csv", tmp_path, "--bootstrap", "0")
    assert (
        fitted("table_dup_index.csv", tmp_path, "--bootstrap", "0", "--drop", "duplicate")["n"]
        == 49
    )


def test_blanks_in_a_header(tmp_path):
    assert fitted("table_spaces.csv", tmp_path, "--bootstrap", "0")["n"] == 49


def test_tokens_in_billions_beside_plain_flops(tmp_path, capsys):
    found = fitted("table_units_tokensB.csv", tmp_path, "--bootstrap", "0")
    assert found["warnings"][0]["kind"] == "units"
    assert "warning: C / (6 N D) is 1e+09 in the median row" in capsys.readouterr().err
