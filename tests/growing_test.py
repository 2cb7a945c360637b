"""A sweep of six cells grown to nine: three are trained, nine fitted, nothing old is touched."""

import json

import pandas as pd
import pytest

from analysis import collect
from analysis.fitting import command
from tests.tiny import OVERRIDES, swept

# Runs of 32, 64 and 128 clips: they read one, two and four parts of the stream.
SWEEP = """
EXPERIMENT = "experiments/base.py"
SHRUNK = {shrunk}

def sweep(base):
    for times in {times}:
        for width in (16, 24, 32):
            yield SHRUNK | {{"steps": 8 * times, "flops_budget": 1e6 * times, "model.width": width}}
"""
SHRUNK = OVERRIDES | {
    "batch": 4,
    "data.train_clips": 16,
    "data.epochs": 2,
    "model.depth": 1,
    "validation.triples": 20,
}


def grow(folder, times):
    sweep = folder / "growing.py"
    sweep.write_text(SWEEP.format(shrunk=SHRUNK, times=times))
    swept(sweep, folder / "root")


def collected(folder):
    collect.main(["--root", str(folder / "root"), "--out", str(folder / "table.csv")])
    return pd.read_csv(folder / "table.csv")


def files(root):
    """Bytes and time of each file of runs and latents."""
    found = (path for name in ("runs", "latents") for path in (root / name).rglob("*"))
    return {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in found if p.is_file()}


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    folder = tmp_path_factory.mktemp("growing")
    grow(folder, (1, 2))
    before, table = files(folder / "root"), collected(folder)
    grow(folder, (1, 2, 4))
    return folder, before, table


def test_three_are_trained_and_nothing_old_is_touched(grown):
    folder, before, table = grown
    after = files(folder / "root")
    assert len(table) == 6
    assert {path: after.get(path) for path in before} == before
    new = {path.relative_to(folder / "root") for path in after.keys() - before.keys()}
    assert len({path.parts[1] for path in new if path.parts[0] == "runs"}) == 3
    parts = {path.name for path in new if path.parts[0] == "latents"}
    assert parts == {"train_2.array_record", "train_3.array_record"}


def test_nine_rows_of_one_validation_set_are_fitted(grown):
    folder, _, before = grown
    table = collected(folder)
    assert table["validation"].nunique() == 1
    assert sorted(table["unique_clips"]) == [16] * 3 + [32] * 3 + [64] * 3
    assert (table["epochs"] == 2).all()
    old = table.set_index("run_id").loc[before["run_id"]].reset_index()
    own = before.columns.drop("loss_pair_se")  # against the best row, which may be a new one
    pd.testing.assert_frame_equal(old[own], before[own])
    command.main([str(folder / "table.csv"), "--out", str(folder / "fit.json")])
    assert json.loads((folder / "fit.json").read_text())["rows"] == 9
