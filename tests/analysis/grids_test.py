"""Planted grids of learning rate and batch, and how often their laws' intervals held."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis import calibrate
from analysis.calibration import grids
from tests.paths import ROOT
from vdit.errors import InputError

CLEAN, *_, STAR, CORNERS = grids.GRIDS


@pytest.mark.parametrize("grid", [CLEAN, CORNERS])
def test_the_planted_best_is_the_lowest(grid):
    runs, best = grids.planted(replace(grid, noise=0.0), np.random.default_rng(0))
    cells = list(runs.groupby(["params", "tokens"], sort=False))
    assert len(cells) == len(best) == 16
    for ((n, d), cell), (lr, batch) in zip(cells, best, strict=True):
        assert np.exp(lr) == pytest.approx(1.79 * n**-0.713 * d**0.307)
        assert np.exp(batch) == pytest.approx(0.58 * d**0.571)
        away = np.hypot(np.log(cell["lr"]) - lr, np.log(cell["batch"]) - batch)
        assert away[cell["loss"].idxmin()] < away.median()


def test_a_cliff_begins_above_the_best_rates_alone():
    grid = next(grid for grid in grids.GRIDS if grid.name == "cliffs")
    runs, best = grids.planted(grid, np.random.default_rng(0))
    cell = runs.groupby(["params", "tokens"], sort=False).ngroup()
    lost = runs["loss"] > 1.5 * runs.groupby(cell)["loss"].transform("min")
    above = np.log(runs["lr"]) - best[cell, 0]
    assert above[lost].min() > grids.CLIFF[0]
    assert above[~lost].max() < grids.CLIFF[1]


def test_a_star_is_judged_by_its_cells_and_gets_no_law():
    marks = dict(grids.judge(STAR, np.random.default_rng(0)))
    assert all(marks[f"{axis}: params"] == (None, None) for axis in ("lr", "batch"))
    marks = dict(grids.judge(CORNERS, np.random.default_rng(0)))
    assert all(isinstance(marks[f"{axis}: tokens"][0], bool) for axis in ("lr", "batch"))


def test_the_command_knows_designs_of_either_kind(tmp_path, capsys):
    out = str(tmp_path / "grids.csv")
    calibrate.main(["--grids", "--design", "corners", "--sweeps", "2", "--out", out])
    assert set(pd.read_csv(out)["design"]) == {"corners"}
    with pytest.raises(InputError, match="--design demo: expected one of clean"):
        calibrate.main(["--grids", "--design", "demo"])


def test_the_committed_table_says_how_often_intervals_held():
    rows = pd.read_csv(ROOT / "analysis/results/calibration/grids.csv")
    assert set(rows["design"]) == {grid.name for grid in grids.GRIDS}
    laws = rows[~rows["quantity"].str.endswith("of a cell") & (rows["design"] != "star")]
    assert (laws["identified"] > 0.95).all()
    assert laws["coverage"].between(0.9, 1.0).all()
    assert (laws["judged"] == "yes").mean() > 0.9
    star = rows[(rows["design"] == "star") & ~rows["quantity"].str.endswith("of a cell")]
    assert (star["identified"] == 0).all()
