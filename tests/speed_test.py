"""`sweeps.speed`: every mode has its row, and the numbers of one process a run are the measure."""

import csv
import sys

import pytest

from sweeps.launcher import local, modes, speed
from vdit.errors import InputError


class Clock:
    """In the place of `time`."""

    def __init__(self):
        self.now = 0.0

    def advance(self, seconds):
        self.now += seconds

    def monotonic(self):
        return self.now


def measured(monkeypatch, tmp_path, *flags):
    out = tmp_path / "speed.csv"
    given = ["speed", "--root", str(tmp_path / "root"), "--out", str(out), *flags]
    monkeypatch.setattr(sys, "argv", given)
    speed.main()
    return list(csv.DictReader(out.read_text().splitlines()))


def test_a_row_for_every_mode_and_its_ratio(monkeypatch, tmp_path):
    launched, clock = [], Clock()

    def launch(root, sweep, settings, mode):
        launched.append((root.name, mode, settings))
        clock.advance(25.0)

    monkeypatch.setattr(speed, "time", clock)
    monkeypatch.setattr(local, "find_devices", lambda: ("cpu", ["0", "1"]))
    monkeypatch.setattr(local, "prepare", lambda *_, **__: None)
    monkeypatch.setattr(speed, "_one_by_one", lambda root, plan: clock.advance(100.0))
    monkeypatch.setattr(speed, "_launch", launch)
    rows = measured(monkeypatch, tmp_path, "--set", "log_every=7")
    assert [row["mode"] for row in rows] == [speed.BASELINE, *modes.NAMES, "auto"]
    assert [float(row["ratio"]) for row in rows[:1]] == [1.0]
    for row in rows[1:]:
        assert float(row["seconds"]) == 25
        assert float(row["ratio"]) == 4
        assert float(row["runs_per_hour"]) == int(row["runs"]) * 144
    cache = f"cache={tmp_path / 'root' / 'latents'}"  # one for all modes
    assert launched == [(m, m, ["log_every=7", cache]) for m in (*modes.NAMES, "auto")]


def test_a_root_with_runs_is_refused(monkeypatch, tmp_path):
    (tmp_path / "root").mkdir()
    with pytest.raises(InputError, match="exists: finished runs would count"):
        measured(monkeypatch, tmp_path)


def test_a_run_that_fails_ends_the_table(monkeypatch, tmp_path):
    monkeypatch.setattr(local, "prepare", lambda *_, **__: None)
    monkeypatch.setattr(speed.sys, "executable", "false")  # as any process that fails
    with pytest.raises(SystemExit) as end:
        measured(monkeypatch, tmp_path)
    assert end.value.code == 1
