"""What the command of a fit names, prints and writes, and what is read of it again."""

import ast
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis import laws
from analysis.fitting import command, summary
from analysis.fitting.result import Fit
from analysis.table import arguments, names
from tests.analysis.fit_test import fit, runs
from tests.analysis.synthetic_sweep import make_rows
from tests.paths import ROOT
from vdit.errors import InputError


def test_the_function_stays_a_function_and_nobody_imports_the_command():
    assert callable(analysis.fit)
    for path in sorted((ROOT / "analysis").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in getattr(node, "names", ())]
            if isinstance(node, ast.ImportFrom):
                names = [node.module, *(f"{node.module}.{name}" for name in names)]
            assert "analysis.fit" not in names or path.name == "__init__.py", path


def test_the_command_names_what_the_library_has():
    assert set(arguments.ROLES) == set(names.ROLES)


def test_a_law_is_a_file_of_its_name():
    assert {"chinchilla", "frontier", "isoflop", "metric"} <= set(laws.names())
    assert not {"power_terms", "registry", "surface"} & set(laws.names())
    for name in laws.names():
        assert laws.find(name).name == name
        assert len(laws.form(name)) < 80
        assert name in command.parser().format_help()
        assert set(laws.find(name).inputs) <= set(arguments.ROLES)
    with pytest.raises(InputError, match="law is 'sora', expected one of annealing, bnsl"):
        laws.find("sora")


def test_help_comes_before_anything_heavy():
    code = (
        "import sys\nfrom analysis.fitting import command\ncommand.parser().format_help()\n"
        "sys.exit(str({'numpy', 'pandas', 'scipy'} & set(sys.modules) or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


def test_the_summary_says_what_was_left_out():
    table = runs(noise=0.002)
    table.loc[3, "L"] = np.inf
    found = fit(table)
    assert "left out 1 row, diverged" in summary.warnings(Fit.from_json(found))[0]
    assert "35 rows fitted" in summary.text(Fit.from_json(found), "chinchilla")


def test_fit_json_gives_the_fit_back():
    made = analysis.fit(pd.DataFrame(make_rows(5)), "all", bootstrap=40)
    told = json.loads(json.dumps(made.to_json()))
    again = Fit.from_json(told)
    assert again.to_json() == told
    assert again.budgets == made.budgets
    assert (again.noise, again.forecasts) == (made.noise, made.forecasts)
    assert (again.dropped, again.flagged) == (made.dropped, made.flagged)


def test_a_plan_is_made_of_version_2():
    told = analysis.fit(pd.DataFrame(make_rows(5)), "frontier", bootstrap=40).to_json()
    old = {k: v for k, v in told.items() if k not in ("loss_law", "forecasts")}
    old |= {"version": 2, "noise": {"sd": 0.01, "df": 8}}
    old["rollout"] = {"chosen": "frontier"}
    law = Fit.from_json(old).loss_law
    assert law.parameters == {**told["laws"]["frontier"]["parameters"], "k": 0.0}
    assert len(law.draws["k"]) == len(law.draws["g"])
