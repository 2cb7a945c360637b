"""The speed table: its rows, what they claim, and that the engine is faster than the usual way."""

import numpy as np
import pandas as pd
import pytest

from analysis import bench
from analysis.engine.fit import fit
from analysis.engine.problem import problem
from analysis.laws.registry import LAWS
from analysis.speed import measure, usual
from tests.tiny import python
from vdit.errors import InputError

FASTER = 5  # times; measured: hundreds. Machines under load may lose tenfold, not a hundredfold.


def test_the_usual_ways_gradient_is_the_derivative():
    table = measure.synthetic(60)
    rows = [np.log(table[name]) for name in ("params", "tokens", "loss")]
    theta, weight = np.array([6.0, 7.5, 0.5, 0.34, 0.36]), np.arange(60.0)
    gradient = usual.objective(theta, *rows, weight)[1]
    for i, step in enumerate(1e-6 * np.eye(5)):
        up, down = (usual.objective(theta + sign * step, *rows, weight)[0] for sign in (1, -1))
        assert gradient[i] == pytest.approx((up - down) / 2e-6, rel=1e-4)


def test_both_ways_find_one_optimum():
    table = measure.synthetic(80)
    found = fit(problem(LAWS["chinchilla"], table, table["loss"]))
    rows = [np.log(table[name]) for name in ("params", "tokens", "loss")]
    start = np.array([5.0, 5.0, 0.0, 0.5, 0.5])
    assert len(usual.grid()) == 4500
    ends = [usual.descend(start, rows, np.ones(80), analytic) for analytic in (True, False)]
    assert found.value == pytest.approx(ends[0], rel=1e-6)
    assert found.value <= ends[1]


def test_the_table_has_its_rows_and_the_engine_wins():
    rows = measure.race(measure.synthetic(), sample=10, bootstraps=200)
    engine, *libraries = "engine", *measure.LIBRARY.values()
    assert [row.how for row in rows] == 2 * [engine, *libraries]
    assert [row.descents for row in rows] == [60, 4500, 4500, 200, 200, 200]
    for ours, *theirs in (rows[:3], rows[3:]):
        assert ours.ratio == 1
        assert ours.measured == ours.descents
        assert ours.reached > 0.9
        for row in theirs:
            assert row.measured == 10
            assert row.ratio == pytest.approx(row.seconds / ours.seconds)
            assert row.ratio > FASTER
            assert row.reached <= ours.reached


def test_the_command_reads_a_table_and_writes_one(tmp_path, capsys, monkeypatch):
    for name in bench.THREADS:  # what the command sets where nobody has
        monkeypatch.setenv(name, "1")
    table = measure.synthetic(60)
    flops = 6 * table["params"] * table["tokens"]
    runs = pd.DataFrame({"N": table["params"], "C": flops, "loss": table["loss"]})
    runs.to_csv(tmp_path / "runs.csv", index=False)
    out = tmp_path / "speed.csv"
    small = ["--sample", "5", "--bootstraps", "20", "--where", "loss < 9"]
    bench.main(
        [str(tmp_path / "runs.csv"), "--params", "N", "--flops", "C", *small, "--out", f"{out}"]
    )
    assert "60 runs" in capsys.readouterr().out
    written = pd.read_csv(out)
    assert list(written.columns) == list(bench.COLUMNS)
    assert len(written) == 6
    assert (written["seconds"] > 0).all()
    with pytest.raises(InputError, match="--sample is 1, expected at least 5"):
        bench.main(["--sample", "1"])


def test_help_loads_nothing_heavy():
    python("-c", "import sys, analysis.bench; assert 'numpy' not in sys.modules")
