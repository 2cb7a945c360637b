"""The table of compiled cases: what is there is kept, a row is what a program says."""

import sys

import pytest

from tests.hlo_test import PLANTED
from tests.paths import ROOT
from vdit.config.devices import GIB
from vdit.errors import InputError
from vdit.planning import cost_model, gpu_table, hlo, topology
from vdit.runs import tables

PEAK, TRAFFIC = 0.13, 0.08  # relative


def run(monkeypatch, *flags):
    monkeypatch.setattr(sys, "argv", ["gpu_table", *map(str, flags)])
    return gpu_table.main()


def test_cases_that_the_table_has_are_not_compiled_again(monkeypatch, tmp_path, capsys):
    calls, out = [], tmp_path / "table.csv"

    def row(build, tree, case):
        calls.append((build, str(tree), case))
        if len(calls) == 4:
            raise InputError("its process ended with status 1")
        return {"build": build, **case._asdict(), "traffic_gib": "305.0"}

    monkeypatch.setattr(gpu_table, "row", row)
    monkeypatch.setattr(topology, "has_plugin", lambda: True)
    flags = ["--out", out, "--before", "old", "--after", "."]
    with pytest.raises(InputError, match="status 1"):
        run(monkeypatch, *flags)
    assert len(tables.read_csv(out)) == 3
    assert run(monkeypatch, *flags) == 0
    assert len(calls) == 2 * len(gpu_table.CASES) + 1
    asked = {(build, tree) for build, tree, _ in calls}
    assert asked == {("before", "old"), ("after", ".")}
    assert len({(build, case) for build, _, case in calls}) == 2 * len(gpu_table.CASES)
    assert capsys.readouterr().out.count("305.0") == 2 * len(gpu_table.CASES)


def test_a_row_says_what_a_program_moves():
    case = gpu_table.Case("S", "full", "label", 4, "data=2", "none")
    found = gpu_table._read("after", case, hlo.read(PLANTED), 3 * 2**30)
    assert (found["build"], found["mesh"], found["peak_gib"]) == ("after", "data=2", "3.0")
    assert found["kernels"] == 3 + 3 + 3 + 4
    assert (found["collectives_in_loops"], found["of_them_waiting"]) == (3, 0)


def test_without_the_plugin_it_says_what_is_wanted(monkeypatch, tmp_path):
    monkeypatch.setattr(topology, "has_plugin", lambda: False)
    with pytest.raises(InputError, match="vdit"):
        run(monkeypatch, "--out", tmp_path / "table.csv")


def compiled_cases():
    path = ROOT / "analysis" / "results" / "gpu_compiled" / "table.csv"
    rows = [row for row in tables.read_csv(path) if row["build"] == "after"]
    return [row for row in rows if row["layers"] == "scanned"]  # as the formulas take them to be


@pytest.mark.parametrize(
    "row", compiled_cases(), ids=lambda r: f"{r['size']}-{r['attention']}-{r['remat']}"
)
def test_formulas_say_what_compiled_programs_do(row):
    """Of the kept table: peak memory within PEAK, bytes through memory within TRAFFIC."""
    case = gpu_table.Case(**{name: row[name] for name in gpu_table.Case._fields})
    job = gpu_table.job(case)
    peak, moved = sum(cost_model.memory(job).values()), sum(cost_model.traffic(job).values())
    assert peak / GIB == pytest.approx(row["peak_gib"], rel=PEAK)
    assert moved / GIB == pytest.approx(row["traffic_gib"], rel=TRAFFIC)
