"""The next step's runs are a sweep that the launcher takes."""

import subprocess
import sys

import pandas as pd
import pytest

from analysis import report
from analysis.verdict import sweep_file
from analysis.verdict.proposal import Runs, propose
from sweeps import demo
from tests.paths import ROOT

TABLE = ROOT / "analysis" / "results" / "demo" / "results.csv"


def test_runs_proposed_for_the_demo_are_launched_as_the_demo_would(tmp_path):
    rows = pd.read_csv(TABLE)
    runs = [Runs(64 * demo.UNIT, 2.1e5), Runs(8 * demo.UNIT, 51648.0, seeds=2)]
    step = propose(rows, "run two", runs)
    path = tmp_path / "next.py"
    path.write_text(sweep_file.text(rows, step, str(path)))
    space = {}
    exec(path.read_text(), space)
    (size, flops, batch, lr, seed), *more = space["RUNS"]
    assert (size, flops, batch, seed) == ("w64d2", 64 * demo.UNIT, demo.BATCH, 0)
    assert lr == pytest.approx(demo.learning_rate(64, 64), rel=0.02)
    # Three seeds of this cell have been run: two more go on from them, at its own rate.
    assert [(run[0], run[4]) for run in more] == [("w32d2", 3), ("w32d2", 4)]
    assert more[0][3] == pytest.approx(demo.learning_rate(32, 8), rel=1e-4)
    command = [sys.executable, "-m", "sweeps.launch", "--sweep", str(path), "--dry_run"]
    command += ["--root", str(tmp_path / "root")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "3 runs" in done.stdout


def test_without_what_made_the_runs_no_file_is_written(tmp_path, capsys):
    rows = pd.read_csv(TABLE).drop(columns="lr")
    step = propose(rows, "run one", [Runs(1e12, 1e5)])
    assert sweep_file.text(rows, step, "next.py") is None
    report._write_next(tmp_path / "next.py", rows, step)
    said = capsys.readouterr().err
    assert "not written (the table does not say of each run: lr)" in said
    assert "several" in sweep_file.lacks(pd.read_csv(TABLE).assign(experiment=range(len(rows))))
    assert not (tmp_path / "next.py").exists()
