"""Numbers, units and files of anybody's table are read as its owner meant them."""

import json

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis.fitting.result import Fit
from analysis.fitting.rows import prepare
from analysis.table import reading, units
from tests.analysis.foreign_tables import logs, rows_of, runs, said, same, written
from vdit.errors import InputError

# --- numbers and units ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("32M", 32e6), ("1.2B", 1.2e9), ("1.2 bn", 1.2e9), ("300k", 3e5), ("7b", 7e9),
        ("1.5T tokens", 1.5e12), ("3e9", 3e9), (" 12 ", 12), ("2 million", 2e6),
        ("1.2 x 10^21", 1.2e21), ("4 PF-days", 4 * 8.64e19), ("1 234 567", 1234567),
        ("10^18", 1e18), ("10 ** 21 FLOPs", 1e21),
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


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("Val loss (nats)", lambda loss: loss.map("{:.6f}".format)),
        ("loss [bits/token]", lambda loss: loss),
        ("loss (%)", lambda loss: 100 * loss),
        ("loss", lambda loss: (100 * loss).map("{:.4f} %".format)),
    ],
)
def test_a_loss_has_units_too(header, column):
    found = rows_of(runs().assign(loss=column(runs()["loss"])).rename(columns={"loss": header}))
    assert same(found)
    assert any("counts in units of 0.01" in note for note in found.notes) == ("(%)" in header)


def test_an_accuracy_is_read_in_percent_and_asked_for_its_direction():
    share = 1 - runs()["loss"] / 5
    table = runs().drop(columns="loss").assign(accuracy=share.map("{:.6%}".format))
    asked = {"given": {"loss": "accuracy"}, "higher_is_better": True}
    with pytest.raises(InputError, match="accuracy rises with compute or is better when higher"):
        rows_of(table, given={"loss": "accuracy"})
    assert np.allclose(rows_of(table, **asked).fitted["loss"], 1 - share, atol=1e-7)
    with pytest.raises(InputError, match=r"no share from 0 to 1 \(call it 'accuracy \(%\)' if"):
        rows_of(table.assign(accuracy=100 * share), **asked)
    table = table.assign(accuracy=100 * share).rename(columns={"accuracy": "accuracy (%)"})
    found = rows_of(table, given={"loss": "accuracy (%)"}, higher_is_better=True)
    assert np.allclose(found.fitted["loss"], 1 - share)


def test_names_within_the_groups_of_a_tracker_are_found_but_not_of_an_evaluation():
    nested = {"params": "config/model/n_params", "tokens": "train.tokens_seen", "loss": "val/loss"}
    table = runs().drop(columns="flops").rename(columns=nested)
    table["test/tokens"] = table["train/loss"] = 1.0
    assert rows_of(table).columns == nested
    bare = runs().rename(columns={"tokens": "eval/tokens"}).drop(columns="flops")
    with pytest.raises(InputError, match="missing column 'tokens'"):
        rows_of(bare)


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
    found = analysis.fit(reading.load(path), "chinchilla", bootstrap=0).to_json()
    assert found["columns"] == {
        "params": "config.n_params", "tokens": "tokens", "group": "run_name",
        "loss": "train.loss" if "nested" in kind else "train/loss",
    }  # fmt: skip
    assert found["n"] == 5 * len(runs())
    assert "left out 140 rows" in said(Fit.from_json(found))
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
