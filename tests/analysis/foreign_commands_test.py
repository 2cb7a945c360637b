"""Every command takes a foreign table and says of it what the others say."""

import html
import json
import pathlib
import re
import shlex

import pandas as pd
import pytest

from analysis import plan, predict, report, variants
from analysis.fitting import again, command
from analysis.fitting.result import Fit
from analysis.fitting.rows import SWEPT, prepare
from analysis.table import arguments, reading
from tests.analysis.foreign_tables import runs, written
from tests.analysis.synthetic_sweep import make_rows
from vdit.errors import InputError

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


def test_rows_that_a_fit_was_asked_to_leave_out_are_out_of_what_is_made_of_it(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    table = runs().assign(budget=runs()["flops"])
    written(pd.concat([table, table[:2]]), "t.csv")
    command.main(["t.csv", "--drop", "duplicate", "--bootstrap", "20"])
    report.main(["t.csv"])
    plan.main(["fit.json", "--flops", "1e22", "--table", "t.csv"])
    predict.main(["t.csv", "--drop", "duplicate"])
    printed = capsys.readouterr()
    assert "no fit of this table beside it" not in printed.err
    assert printed.err.count("left out 2 rows, duplicate") == 3
    with pytest.raises(InputError, match="--drop duplicate keeps the first of each"):
        predict.main(["t.csv", "--force"])


def test_rows_that_a_fit_did_not_have_are_not_on_its_page(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    table, where = pd.DataFrame(make_rows(4)), "seed == 0"
    written(table, "t.csv")
    for asked in (["--where", where], ["--hold_out", f"not ({where})"]):
        command.main(["t.csv", "--bootstrap", "20", "--law", "chinchilla", *asked])
        capsys.readouterr()
        report.main(["t.csv", "--fit", "fit.json"])
        page = html.unescape(pathlib.Path("report.html").read_text())
        used = table.query(where)
        assert len(used) == len(table) - 2
        shown = {run for run in table["run_id"] if f"<code>{run}</code>" in page}
        assert shown == set(used["run_id"])
        assert f"analysis.fit t.csv {shlex.join(asked)} --out" in page
        assert f"Of the table the rows of analysis.fit {shlex.join(asked)} alone" in page
        plan.main(["fit.json", "--flops", "1e15", "--table", "t.csv"])
    written(table.drop(index=used.index[1]), "fewer.csv")
    with pytest.raises(InputError, match="made from another table or of other columns or rows"):
        report.main(["fewer.csv", "--fit", "fit.json"])
    with pytest.raises(InputError, match="does not hold the runs of the fit"):
        plan.main(["fit.json", "--flops", "1e15", "--table", "fewer.csv"])
    written(table.drop(columns="seed"), "t.csv")  # another's: the fit beside it says nothing of it
    command.main([*["t.csv", "--bootstrap", "20"], "--where", "depth > 1"])
    written(table.drop(columns="depth"), "t.csv")
    report.main(["t.csv"])
    assert "no fit of this table beside it: fitting" in capsys.readouterr().err
    assert "Of the table the rows" not in pathlib.Path("report.html").read_text()


def test_every_command_takes_the_rows_that_it_is_asked_to(tmp_path, monkeypatch, capsys):
    """And says of them what it says of a table that has no others."""
    monkeypatch.chdir(tmp_path)
    table, where = pd.DataFrame(make_rows(4)).assign(kind="a"), ["--where", "kind == 'a'"]
    others = table.assign(kind="b", loss_ema=table["loss_ema"] / 2, run_id="b" + table["run_id"])
    written(pd.concat([others, table]), "both.csv")
    written(table, "one.csv")
    said = []
    for call in (["one.csv"], ["both.csv", *where]):
        capsys.readouterr()
        predict.main([*call, "--force"])
        variants.main([*call, "--bootstrap", "20"])
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    report.main([*call, "--out", "page.html"])
    page = pathlib.Path("page.html").read_text()
    shown = {run for run in pd.read_csv("both.csv")["run_id"] if f">{run}<" in page}
    assert shown == set(table["run_id"])
    command.main([*call, "--bootstrap", "0"])
    with pytest.raises(InputError, match="made from another table or of other columns or rows"):
        report.main(["both.csv", "--where", "kind == 'b'", "--fit", "fit.json"])


@pytest.mark.parametrize("asked", ["--unannealed", "--worst", "--drop", "blank"])
def test_what_else_chose_a_fits_rows_chooses_those_of_its_page(asked, tmp_path, monkeypatch):
    """And a row that the law of the fit can't take is not among them."""
    monkeypatch.chdir(tmp_path)
    table = pd.DataFrame(make_rows(4)).assign(depth=[2.0, 4.0] * 11)
    table.loc[:3, "annealed"] = False
    table.loc[7, "loss_ema"] *= 1.2  # unstable
    table.loc[9, "depth"] = float("nan")
    written(table, "t.csv")
    flags = {"--worst": ["--worst", "0.9"], "--drop": ["--drop", "unstable"]}.get(asked, [asked])
    flags = ["--law", "width_depth"] if asked == "blank" else flags
    command.main(["t.csv", "--bootstrap", "0", *flags])
    table = reading.load("t.csv")
    fit = Fit.from_json(json.loads(pathlib.Path("fit.json").read_text()))
    taken = again.rows(table, fit)
    assert again.are_of(taken, fit)
    assert fit.rows == len(taken.fitted) != len(prepare(table, SWEPT).fitted)


def test_the_flags_are_the_same_of_every_command(capsys):
    for main in (command.main, predict.main, report.main, variants.main):
        with pytest.raises(SystemExit):
            main(["--help"])
        told = capsys.readouterr().out
        assert all(f"--{role} COL" in told for role in arguments.ROLES), main.__module__
        assert "--higher_is_better" in told
        assert "--where EXPR" in told
        assert "duplicate}" in told
    assert all(re.search(rf"\b{law}\b", command.WHAT) for law in command.LAWS if law != "all")
