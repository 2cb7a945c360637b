"""Anybody's table is read as its owner meant it; what was guessed is said, what can't be is named.

Every table holds the runs of one planted law under other names, units, files or troubles.
"""

import html
import json
import pathlib
import re
import shlex

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis import predict, report, variants
from analysis.fitting import command, summary
from analysis.fitting.rows import prepare
from analysis.table import arguments, reading, states, units
from tests.analysis.synthetic_sweep import make_rows
from tests.paths import awkward
from vdit.errors import InputError

ND = ("params", "tokens", "loss")


def runs(budgets=4, noise=0.001):
    """Seven sizes at each budget, of L = 1.7 + 400 N^-.34 + 2000 D^-.37, in plain numbers."""
    flops = np.repeat(10.0 ** np.arange(18, 18 + budgets), 7)
    n = 0.05 * flops**0.5 * np.tile(np.geomspace(0.2, 5, 7), budgets)
    d = flops / (6 * n)
    loss = 1.7 + 400 * n**-0.34 + 2000 * d**-0.37
    loss *= np.exp(noise * np.random.default_rng(0).standard_normal(len(n)))
    return pd.DataFrame({"params": n, "tokens": d, "flops": flops, "loss": loss})


def logs(checkpoints=10):
    """Each run as its log: rows at equal steps, the last of them the run of `runs`."""
    rows = runs().loc[lambda t: t.index.repeat(checkpoints)].reset_index(names="run")
    share = np.tile(np.arange(1, checkpoints + 1) / checkpoints, len(runs()))
    rows["loss"] *= 1 + 0.1 * (1 - share)  # a schedule that has not ended is worse
    return rows.assign(tokens=rows["tokens"] * share, flops=rows["flops"] * share)


def rows_of(table, needed=ND, **options):
    return prepare(table, needed, **options)


def same(rows, expected=None):
    """True where rows hold the numbers of `runs` in every role."""
    expected = runs() if expected is None else expected
    return all(
        np.allclose(rows.fitted[role].astype(float), expected[role], rtol=1e-6)
        for role in ("params", "tokens", "flops", "loss")
    )


def written(table, path, **options):
    table.to_csv(path, index=False, **options)
    return path


def said(fit):
    """What is printed beside a fit, or beside rows."""
    return "\n".join(summary.warnings(fit))


# --- numbers and units ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("32M", 32e6), ("1.2B", 1.2e9), ("1.2 bn", 1.2e9), ("300k", 3e5), ("7b", 7e9),
        ("1.5T tokens", 1.5e12), ("3e9", 3e9), (" 12 ", 12), ("2 million", 2e6),
        ("1.2 x 10^21", 1.2e21), ("4 PF-days", 4 * 8.64e19), ("1 234 567", 1234567),
    ],
)  # fmt: skip
def test_a_number_is_read_as_it_is_written(cell, number):
    assert units.read(pd.Series([cell]))[0] == pytest.approx(number, rel=1e-12)


def test_thousand_separators_are_read_where_the_column_shows_that_they_are():
    table = runs().round({"params": 0})
    table["params"] = [f"{n:,.0f}" for n in table["params"]]
    found = rows_of(table)
    assert np.allclose(found.fitted["params"], runs()["params"].round())
    assert any("read from text, such as" in note for note in found.notes)


@pytest.mark.parametrize("cells", [("3,45", "2,1"), ("512,000", "768,000"), ("0,512", "1,234,567")])
def test_a_comma_that_may_be_a_decimal_one_is_an_error(cells):
    table = runs().assign(params=(cells * 14)[:28])
    with pytest.raises(InputError, match=r"row 1: params is '.*': decimal comma or thousand"):
        rows_of(table)


def test_a_comma_inside_a_cell_without_quotes_is_an_error(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("params,loss\n1,5,2\n3,5,3\n")
    with pytest.raises(InputError, match="more cells than the header has names"):
        reading.load(path)


@pytest.mark.parametrize(
    ("role", "header", "unit"),
    [
        ("tokens", "tokens (B)", 1e9), ("tokens", "train_tokens_B", 1e9),
        ("tokens", "tokens_in_billions", 1e9), ("tokens", "D (billion tokens)", 1e9),
        ("flops", "flops_e18", 1e18), ("flops", "FLOPs (1e18)", 1e18), ("flops", "C [ZFLOP]", 1e21),
        ("flops", "compute (PF-days)", 8.64e19), ("flops", "C_PF_days", 8.64e19),
        ("params", "Params [M]", 1e6), ("params", "n_params (millions)", 1e6),
    ],
)  # fmt: skip
def test_a_unit_in_a_header_is_read_and_said(role, header, unit):
    table = runs()
    table[role] /= unit
    found = rows_of(table.rename(columns={role: header}))
    assert same(found)
    assert found.columns[role] == header
    assert f"{role} is {header!r}" in found.notes[0]
    assert f"{role}: column {header!r} counts in units of {unit:.3g}, by its name" in found.notes
    assert not found.warnings


@pytest.mark.parametrize("header", ["compute (GPU-hours)", "compute (days)", "FLOPs per token"])
def test_what_is_in_another_unit_is_not_taken_for_a_role(header):
    assert "flops" not in rows_of(runs().rename(columns={"flops": header})).columns


def test_a_unit_of_a_cell_stands_in_place_of_the_headers():
    table = runs().astype({"tokens": object})
    table["tokens"] = [f"{d / 1e6}M" if i % 2 else d / 1e9 for i, d in enumerate(table["tokens"])]
    assert same(rows_of(table.rename(columns={"tokens": "tokens (B)"})))


def test_expressions_speak_in_the_units_of_the_file():
    table = runs().rename(columns={"tokens": "tokens (B)"})
    table["tokens (B)"] /= 1e9
    found = rows_of(table, where="`tokens (B)` < 10 and tokens > 1e9")
    assert len(found.fitted) == runs()["tokens"].between(1e9, 1e10).sum()


@pytest.mark.parametrize(
    ("factor", "words"), [(1e-9, "a factor of 1e+09"), (1e-3, "1e+03"), (1e6, "1e-06")]
)
def test_a_mix_up_of_units_is_said(factor, words):
    found = rows_of(runs().assign(tokens=factor * runs()["tokens"]))
    (flag,) = found.warnings
    assert flag.kind == "units"
    assert words in flag.sentence
    assert "'flops', 'params', 'tokens' are not all in plain numbers" in flag.sentence


def test_compute_that_disagrees_with_6nd_is_said_with_its_median():
    assert not rows_of(runs().assign(flops=1.3 * runs()["flops"])).warnings
    (flag,) = rows_of(runs().assign(flops=runs()["flops"] / 3)).warnings
    assert (flag.kind, "C / (6 N D) is 0.333 in the median row" in flag.sentence) == ("6ND", True)


@pytest.mark.parametrize("factor", [1e-9, 1e6])
def test_tokens_that_do_not_go_with_sizes_are_said_without_compute_too(factor):
    table = runs().drop(columns="flops").assign(tokens=factor * runs()["tokens"])
    (flag,) = rows_of(table).warnings
    assert "tokens for each parameter in the median row: are both plain" in flag.sentence


def test_single_rows_in_another_unit_are_said():
    table = runs()
    table.loc[[3, 9], "tokens"] *= 1e-6
    (flag,) = rows_of(table).warnings
    assert "of 2 rows" in flag.sentence
    both = table.assign(tokens=1e-3 * table["tokens"])
    assert len([w for w in said(rows_of(both).told()).splitlines() if "warning" in w]) == 2


def test_budgets_in_another_unit_are_an_error():
    table = runs().assign(budget=runs()["flops"] / 1e18)
    with pytest.raises(InputError, match=r"budget is 1e-18 times what was spent"):
        rows_of(table)


# --- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mark", "name"), [("\t", "tabs"), (";", "semicolons"), ("|", "bars"), (",", None)]
)
def test_any_delimiter_is_read_and_said(mark, name, tmp_path):
    told = []
    table = reading.load(written(runs(), tmp_path / "t.tsv", sep=mark), told.append)
    assert same(rows_of(table))
    assert told == ([f"read as a table with {name} between columns"] if name else [])


def test_rows_of_json_are_read_and_a_broken_one_is_named(tmp_path):
    path = tmp_path / "t.jsonl"
    runs().to_json(path, orient="records", lines=True)
    assert same(rows_of(reading.load(path)))
    runs().to_json(tmp_path / "t.json", orient="records")
    assert same(rows_of(reading.load(tmp_path / "t.json")))
    path.write_text(path.read_text() + "{broken\n")
    with pytest.raises(InputError, match="line 29 is no JSON"):
        reading.load(path)
    path.write_text("[1, 2]\n")
    with pytest.raises(InputError, match="expected objects"):
        reading.load(path)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "nested.jsonl"])
def test_a_history_of_wandb_is_grouped_by_run_and_what_had_not_ended_is_flagged(kind, tmp_path):
    """Losses are logged every other step, not the last; a size once, of all rows of its run."""
    lines = []
    for at, row in enumerate(logs().to_dict("records")):
        step = at % 10
        line = {"_step": step, "_runtime": 9.5 * step, "_timestamp": 1.7e9 + at}
        line |= {"run_name": f"crisp-{row['run']}", "tokens": row["tokens"]}
        line |= {"config": {"n_params": row["params"]}} if step == 0 else {}
        if step % 2 == 0:
            loss = row["loss"]
            line |= {"train": {"loss": loss}} if "nested" in kind else {"train/loss": loss}
        lines.append(line)
    path = tmp_path / f"history.{kind}"
    if kind == "csv":
        pd.json_normalize(lines).to_csv(path)
    else:
        path.write_text("\n".join(map(json.dumps, lines)))
    found = analysis.fit(reading.load(path), "chinchilla", bootstrap=0)
    assert found["columns"] == {
        "params": "config.n_params", "tokens": "tokens", "group": "run_name",
        "loss": "train.loss" if "nested" in kind else "train/loss",
    }  # fmt: skip
    assert found["n"] == 5 * len(runs())
    assert "left out 140 rows" in said(found)
    flags = {flag["reason"]: flag["rows"] for flag in found["flagged"]}
    assert flags["unannealed"] == 4 * len(runs())
    last = rows_of(reading.load(path), drop=("unannealed",)).fitted
    assert np.allclose(last["tokens"], 0.9 * runs()["tokens"])  # of the steps with a loss


def test_a_chart_of_wandb_is_a_row_for_each_run_and_step(tmp_path):
    table = pd.DataFrame({"flops": [1e18, 2e18, 4e18, 8e18]})
    for run, shift in (("a - 1", 0.0), ("b", 0.1)):
        for end in ("", "__MIN", "__MAX"):
            loss = shift + 2 * (table["flops"] / 1e18) ** -0.1
            table[f"{run} - val/loss{end}"] = loss.mask(table["flops"] > 5e18 * (1 - shift))
    told = []
    found = reading.load(written(table, tmp_path / "chart.csv"), told.append)
    assert list(found.columns) == ["flops", "run", "val/loss"]
    assert list(found["run"]) == ["a - 1"] * 3 + ["b"] * 3
    assert "read as a chart of W&B: 2 runs" in told[0]
    assert prepare(found, ("flops", "loss")).columns["group"] == "run"


def test_blanks_about_names_are_taken_off_and_names_that_collide_are_an_error(tmp_path):
    table = runs().rename(columns={"params": " params", "loss": "loss "})
    assert same(rows_of(reading.load(written(table, tmp_path / "t.csv"))))
    assert same(rows_of(table))
    with pytest.raises(InputError, match="two columns are named 'loss'"):
        rows_of(table.assign(loss=1.0))


# --- names ----------------------------------------------------------------------------------------


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


# --- several rows of a run ------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["run", None])
def test_several_rows_of_a_run_are_grouped_and_those_before_its_last_flagged(by):
    table = logs() if by else logs().drop(columns="run")
    found = rows_of(table)
    assert found.cluster().tolist() == logs()["run"].tolist()
    fit = analysis.fit(table, "chinchilla", bootstrap=0)
    (flag,) = fit["flagged"]
    assert (flag["reason"], flag["rows"]) == ("unannealed", 9 * len(runs()))
    assert "--drop unannealed leaves them out" in said(fit)
    ended = analysis.fit(table, "chinchilla", bootstrap=0, drop="unannealed")
    assert (ended["n"], ended["flagged"]) == (len(runs()), [])
    assert ended["parameters"] == pytest.approx(
        analysis.fit(runs(), "chinchilla", bootstrap=0)["parameters"]
    )


def test_a_table_that_says_which_schedules_ended_is_believed():
    table = logs().assign(annealed=lambda t: ~t.duplicated("run", keep="first"))
    fit = analysis.fit(table, "chinchilla", bootstrap=0)
    assert (fit["n"], fit["flagged"]) == (len(runs()), [])
    kept = analysis.fit(table.assign(annealed=[True, None] * 140), "chinchilla", bootstrap=0)
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
    assert (gone.reason, gone.rows) == ("unfinished", (3, 6))
    with pytest.raises(InputError, match="annealed is 'perhaps', expected yes or no"):
        rows_of(table.astype({"annealed": object}).replace({words[1]: "perhaps"}))


SLURM = {
    "COMPLETED": "finished", "FAILED": "failed", "OUT_OF_MEMORY": "failed", "NODE_FAIL": "failed",
    "BOOT_FAIL": "failed", "CANCELLED": "unfinished", "TIMEOUT": "unfinished",
    "PREEMPTED": "unfinished", "DEADLINE": "unfinished", "CANCELLED by 1000": "unfinished",
    "OUT_OF_ME+": "failed", "CANCELLED+": "unfinished",
}  # fmt: skip
WANDB = {
    "finished": "finished", "crashed": "failed", "failed": "failed", "killed": "unfinished",
    "running": "unfinished", "preempting": "unfinished", "preempted": "unfinished",
}  # fmt: skip
RAY = {"TERMINATED": "finished", "ERROR": "failed", "PENDING": "unfinished"}


@pytest.mark.parametrize(("word", "reason"), [*SLURM.items(), *WANDB.items(), *RAY.items()])
def test_states_of_slurm_wandb_and_ray_are_known(word, reason):
    table = runs().assign(State=[word] + ["COMPLETED"] * 27)
    found = rows_of(table)
    assert not any("no state that is known" in note for note in found.notes)
    if reason == "finished":
        assert not found.dropped
    else:
        assert found.dropped[0].words == f"{reason} (by its State)"
        assert found.dropped[0].rows == (1,)


def test_a_state_that_is_not_known_is_named_with_what_was_done():
    table = runs().assign(status=["ok", "weird", "weird"] + [None] * 25)
    found = rows_of(table)
    assert len(found.fitted) == 28
    assert "status of 2 rows is 'weird', no state that is known: kept" in found.notes
    assert states.reasons(table["status"]).tolist()[:4] == ["finished", "unknown", "unknown", ""]


@pytest.mark.parametrize("name", ["Unnamed: 0", "index", "id"])
def test_duplicates_are_found_behind_an_index_column(name):
    table = pd.concat([runs(), runs().iloc[[2, 4]]], ignore_index=True).reset_index(names=name)
    with pytest.raises(InputError, match=r"row 29: the same .* \(2 such; --drop duplicate"):
        rows_of(table)
    assert same(rows_of(table, drop=("duplicate",)))


def test_a_blank_in_a_needed_column_leaves_its_row_out_and_is_said():
    table = runs()
    table.loc[3, "params"], table.loc[8, "tokens"] = np.nan, np.nan
    fit = analysis.fit(table, "chinchilla", bootstrap=0)
    assert fit["rows"] == 26
    assert "left out 1 row, blank (no params): row 4" in said(fit)
    assert "left out 1 row, blank (no tokens): row 9" in said(fit)
    written = table["params"].astype(object).where(table.index != 3, "-")
    assert rows_of(table.assign(params=written)).dropped[0].rows == (4,)


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
    fit = analysis.fit(table, "isoflop", bootstrap=0)
    assert [budget["flops"] for budget in fit["budgets"]] == [1e18, 1e19, 1e20, 1e21]
    assert "budgets within 2% of each other are one: 4 of 18" in fit["notes"]
    apart = rows_of(runs().assign(budget=runs()["flops"] * (1 + 0.03 * (np.arange(28) % 2))))
    assert apart.fitted["budget"].nunique() == 8
    close = runs().assign(budget=runs()["flops"] * np.tile(np.linspace(1, 1.06, 7), 4))
    assert rows_of(close).fitted["budget"].nunique() == 28  # a stretch, and no rounding


# --- direction, objective, guards -----------------------------------------------------------------


@pytest.mark.parametrize("name", ["accuracy", "VBench", "score"])
def test_a_loss_that_rises_is_asked_for_its_direction(name):
    table = runs().assign(**{name: 1 - runs()["loss"] / 10}).drop(columns="loss")
    with pytest.raises(
        InputError, match=f"{name} rises with compute .*--higher_is_better"
    ) as error:
        rows_of(table, given={"loss": name})
    assert "\n" not in str(error.value)
    found = rows_of(table, given={"loss": name}, higher_is_better=True)
    assert same(found, runs().assign(loss=runs()["loss"] / 10))
    assert f"the loss is 1 - {name}, which is better when higher" in found.notes
    assert same(
        rows_of(table, given={"loss": name}, higher_is_better=False), table.assign(loss=table[name])
    )


def test_what_is_no_share_can_not_be_turned_and_a_loss_is_never_asked():
    table = runs().assign(psnr=40 - runs()["loss"])
    with pytest.raises(InputError, match="psnr is better when higher and no share from 0 to 1"):
        rows_of(table, given={"loss": "psnr"}, higher_is_better=True)
    worse = table.assign(val_loss=table["psnr"])  # a loss that rises is a result
    assert len(rows_of(worse, given={"loss": "val_loss"}).fitted) == 28


def test_a_metric_is_told_from_its_records_its_name_or_the_flag_and_else_said():
    table = runs().assign(fvd=100 * runs()["loss"], psnr=40 - runs()["loss"])

    def fit(metric, table=table, **options):
        return analysis.fit(table, "metric", metric=metric, bootstrap=0, **options)

    found = fit("fvd")
    assert "fvd goes up with the loss: taken to be better when lower" in "\n".join(found["notes"])
    told = [
        fit("psnr"),
        fit("fvd", higher_is_better=False),
        fit("fvd", table.assign(fvd_lower_is_better=True)),
    ]
    for known in told:
        assert known["status"]["word"] == "converged"
        assert not any("taken to be" in note for note in known["notes"])
    wrong = fit("fvd", higher_is_better=True)
    assert wrong["status"]["words"].startswith("not identified: the metric goes up with the loss")


@pytest.mark.parametrize(
    ("law", "uses"),
    [("isoflop", False), ("frontier", False), ("envelope", False), ("chinchilla", True)],
)
def test_an_objective_is_never_ignored_without_a_word(law, uses):
    table = runs().assign(flops_budget=runs()["flops"])
    fit = analysis.fit(table, law, objective="lad", bootstrap=0)
    assert (f"{law} is fitted by" in "\n".join(fit["notes"])) is not uses
    assert uses == (fit["objective"]["name"] == "lad")
    default = analysis.fit(table, law, bootstrap=0)
    assert not any("--objective" in note for note in default["notes"])


@pytest.mark.parametrize("law", ["chinchilla", "gamma", "kaplan", "envelope", "isoflop"])
@pytest.mark.parametrize(("role", "value"), [("params", 1e8), ("tokens", 1e10)])
def test_one_size_or_one_token_count_is_refused_by_every_law_of_both(law, role, value):
    table = runs().assign(**{role: value}).drop(columns="flops")
    table["flops_budget"] = 6 * table["params"] * table["tokens"]
    with pytest.raises(InputError, match=f"{role} has one value"):
        analysis.fit(table, law, bootstrap=0)


@pytest.mark.parametrize(
    ("role", "value", "kind"), [("params", 1e8, "one_size"), ("tokens", 1e10, "one_token_count")]
)
def test_a_law_of_compute_says_so(role, value, kind):
    table = runs().assign(**{role: value}).drop(columns="flops")
    swept = table.iloc[:5].assign(budget=6 * table["params"] * table["tokens"])
    for rows in (table, swept):
        fit = analysis.fit(rows, "power", bootstrap=0)
        assert kind in {flag["kind"] for flag in fit["warnings"]}
        assert "so this is no law of the best loss" in said(fit)


def test_an_edge_is_said_of_every_method():
    table = runs(noise=0)
    for law in ("chinchilla", "gamma"):
        warnings = analysis.fit(table, law, bootstrap=0)["warnings"]
        assert "edge" not in {flag["kind"] for flag in warnings}
    below = table[table["params"] < 0.06 * table["flops"] ** 0.5]  # sizes up to about the best
    for law, rows, words in (
        ("power", below, "rows on the envelope are of the largest size"),
        ("chinchilla", table[table["params"] < 1e8], "the best size for the largest compute"),
        ("isoflop", below.assign(budget=below["flops"]), "largest size"),
    ):
        assert words in said(analysis.fit(rows, law, bootstrap=0)), law


@pytest.mark.parametrize("main", [predict.main, variants.main])
def test_a_command_that_writes_no_fit_says_that_minima_lie_at_an_edge(
    main, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    table = runs().assign(budget=runs()["flops"])
    written(table[table["params"] < 0.04 * table["flops"] ** 0.5], "t.csv")
    main(["t.csv", *(["--bootstrap", "20"] if main is variants.main else [])])
    assert "budget 1e+18: the minimum lies above the largest size" in capsys.readouterr().err


# --- commands -------------------------------------------------------------------------------------

FOREIGN = {
    "params": "Params [M]", "tokens": "tokens_B", "flops": "train FLOP", "loss": "L_raw",
    "loss_ema": "L_val", "flops_budget": "asked", "run_id": "job",
}  # fmt: skip


def foreign(path):
    """A sweep in units and under names of its owner's, and the flags that name them."""
    table = pd.DataFrame(make_rows(4))[list(FOREIGN)]
    table = table.assign(params=table["params"] / 1e6, tokens=table["tokens"] / 1e9)
    written(table.rename(columns=FOREIGN), path, sep="\t")
    roles = {**FOREIGN, "loss": "L_val", "budget": "asked", "group": "job"}
    return [f for r, c in roles.items() if r in arguments.ROLES for f in (f"--{r}", c)]


def test_every_command_takes_the_column_flags_of_fit(tmp_path, monkeypatch, capsys):
    """They say of a foreign table what they say of the same one in the results table's names."""
    monkeypatch.chdir(tmp_path)
    flags, made = foreign("foreign.csv"), []
    written(pd.DataFrame(make_rows(4))[list(FOREIGN)], "own.csv")
    for call in (["own.csv"], ["foreign.csv", *flags]):
        capsys.readouterr()
        predict.main([*call, "--force"])
        variants.main([*call, "--bootstrap", "20"])
        command.main([*call, "--bootstrap", "20"])
        out = capsys.readouterr().out.replace("L_val", "loss_ema").replace("Params [M]", "params")
        made.append([line for line in out.splitlines() if "objective" not in line])
    assert made[0] == made[1]
    assert "loss_ema" in "".join(made[0])


def test_a_page_is_made_of_a_foreign_table_and_speaks_of_no_launcher(tmp_path, monkeypatch, capsys):
    """The fit beside it names its columns; there are neither steps nor sweeps in it."""
    monkeypatch.chdir(tmp_path)
    flags = foreign("t.csv")
    command.main(["t.csv", *flags, "--bootstrap", "20"])
    report.main(["t.csv"])
    printed = capsys.readouterr()
    assert "Undecided:" in printed.out
    assert "no fit of this table beside it" not in printed.err
    assert "note: params: column 'Params [M]' counts in units of 1e+06" in printed.err
    page = pathlib.Path("report.html").read_text()
    (again,) = re.findall(r"python -m analysis.fit t.csv (.*) --out", html.unescape(page))
    assert sorted(shlex.split(again)) == sorted(flags)
    for ours in ("sweeps.launch", "analysis.collect", "make demo", "vdit: sweep"):
        assert ours not in page
    written(runs().assign(budget=runs()["flops"]), "other.csv")
    for call in (["other.csv"], ["t.csv", "--loss", "L_raw"]):
        with pytest.raises(InputError, match="made from another table or of other columns"):
            report.main([*call, "--fit", "fit.json"])


def test_a_prediction_of_rows_without_names_is_not_that_of_another_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(runs().assign(budget=runs()["flops"]), "one.csv")
    written(runs(noise=0.002).assign(budget=runs()["flops"]), "other.csv")
    predict.main(["one.csv"])
    with pytest.raises(InputError, match="holds a prediction made from other runs"):
        predict.main(["other.csv"])


def test_the_flags_are_the_same_of_every_command(capsys):
    for main in (command.main, predict.main, report.main, variants.main):
        with pytest.raises(SystemExit):
            main(["--help"])
        told = capsys.readouterr().out
        assert all(f"--{role} COL" in told for role in arguments.ROLES), main.__module__
        assert "--higher_is_better" in told
    assert all(re.search(rf"\b{law}\b", command.WHAT) for law in command.LAWS if law != "all")


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
