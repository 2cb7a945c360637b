"""`sweeps.speed` on two runs that take no time (see `stand_in`): every mode trains both anew."""

import csv

from sweeps.launcher import modes, speed
from tests.sweeps_test import STAND_IN, launch, once_each, trained

PAIR = str(STAND_IN / "sweeps" / "pair.py")


def measure(tmp_path, *options):
    out = tmp_path / "speed.csv"
    given = ["--sweep", PAIR, "--out", out, *options]
    status, _, err = launch(tmp_path / "root", *given, module="sweeps.speed")
    rows = list(csv.DictReader(out.read_text().splitlines())) if out.exists() else []
    return status, err, rows


def test_every_mode_trains_every_run_and_has_its_row(tmp_path):
    status, err, rows = measure(tmp_path, "--set", "log_every=7")
    assert status == 0, err
    assert [row["mode"] for row in rows] == [speed.BASELINE, *modes.NAMES]
    assert {row["runs"] for row in rows} == {"2"}
    first = float(rows[0]["runs_per_hour"])
    for row in rows:
        assert float(row["ratio"]) == round(float(row["runs_per_hour"]) / first, 2)
    root = tmp_path / "root"
    runs = once_each(root / "plan")
    assert trained(root) == runs  # one process a run, in root/alone
    for mode in modes.NAMES:
        assert trained(root / mode) == runs
        assert not (root / mode / "latents").exists()  # one cache for all modes
    assert list(root.rglob("latents")) == [root / "latents"]


def test_a_root_with_runs_is_refused(tmp_path):
    (tmp_path / "root").mkdir()
    status, err, _ = measure(tmp_path)
    assert status == 2
    assert "exists: finished runs would count; give another" in err


def test_a_run_that_fails_ends_the_table(tmp_path):
    status, err, rows = measure(tmp_path, "--set", "act=fail")
    assert status == 1
    assert "FloatingPointError: loss is nan at step 3" in err
    assert not rows
