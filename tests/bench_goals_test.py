"""`vdit.bench --goals`: one command that goes on where it was, on a stand-in of a GPU."""

import jax
import pytest

from tests.bench_test import TINY, Planted, said
from vdit.benchmark import cases, goals, measure
from vdit.errors import InputError
from vdit.runs import tables
from vdit.runs.files import write_text


@pytest.fixture
def stand_in(monkeypatch):
    """A machine that counts as a GPU, and three goals small enough for it, of two batches each."""
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(goals, "ROUNDS", 1)
    three = {name: (TINY, "full", (2, 4), 10.0, "") for name in ("a", "b", "c")}
    monkeypatch.setattr(cases, "GOALS", three)
    calls = []
    monkeypatch.setattr(measure, "Step", lambda case: _planted(case, calls))
    return calls


def _planted(case, calls):
    calls.append((case.name, case.model.remat, case.batch))
    if (case.name, case.batch) == ("c", 4):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")
    return Planted("ours", 1e-3, [], 99)


def test_goals_are_one_command_that_goes_on_where_it_was(stand_in, monkeypatch, capsys, tmp_path):
    out = tmp_path / "goals.csv"
    text = said(monkeypatch, capsys, "--goals", "--out", out, "--minutes", 20)
    assert text.startswith("18 cases, 0 measured before; 18 of about 50 s each: 15 min")
    # In turn, and of each policy its best batch before any's second.
    assert [name for name, *_ in stand_in] == 6 * ["a", "b", "c"]
    assert {remat for _, remat, _ in stand_in[:9]} == {"none", "dots", "full"}
    rows = tables.read_csv(out)
    assert [row.get("error") for row in rows].count("out of memory") == 3
    assert all(row["plan_ms"] > 0 for row in rows)
    assert text.splitlines()[-3].split()[:2] == ["a", f"{4000 / jax.device_count():.1f}"]
    write_text(out, tables.as_csv(rows[:5] + rows[6:]))
    stand_in.clear()
    again = said(monkeypatch, capsys, "--goals", "--out", out, "--minutes", 20)
    assert "18 cases, 17 measured before; 1 of" in again
    assert len(stand_in) == 1
    assert len(tables.read_csv(out)) == 18


def test_goals_begin_nothing_that_would_end_too_late(stand_in, monkeypatch, capsys):
    text = said(monkeypatch, capsys, "--goals", "--minutes", 0.5)
    assert "allows the first 0" in text
    assert stand_in == []


def test_rows_of_another_machine_are_refused(stand_in, monkeypatch, capsys, tmp_path):
    out = tmp_path / "goals.csv"
    row = {"case": "a", "device": "NVIDIA H100", "num_devices": 8, "jax_version": "0.1"}
    write_text(out, tables.as_csv([row]))
    with pytest.raises(InputError, match=r"has rows of 8 x NVIDIA H100, JAX 0\.1; here is"):
        said(monkeypatch, capsys, "--goals", "--out", out)


def test_goals_without_a_gpu(monkeypatch, capsys):
    with pytest.raises(InputError, match="there is none here"):
        said(monkeypatch, capsys, "--goals")
