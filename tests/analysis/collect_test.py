"""Run folders become one table: nothing is dropped silently, pairs are paired."""

import json
import shutil

import numpy as np
import pytest

from analysis import collect
from analysis.table import pairs, reading, schema
from tests.analysis.synthetic_sweep import make_rows, scores_of, write_root
from vdit.errors import InputError


@pytest.fixture
def root(tmp_path):
    return write_root(tmp_path / "root", make_rows(2, seeds_at=1))


def test_every_run_is_a_row_with_its_scores(root):
    table = collect.collect(root)
    rows = {row["run_id"]: row for row in make_rows(2, seeds_at=1)}
    assert set(table["run_id"]) == set(rows)
    for _, got in table.iterrows():
        assert got["loss_ema"] == rows[got["run_id"]]["loss_ema"]
        assert got["permanence"] == scores_of(rows[got["run_id"]])["permanence"]
    assert "step" not in table.columns


def test_what_is_left_out_is_named(root):
    runs = sorted((root / "runs").iterdir())
    (runs[0] / "result.json").unlink()
    scores = json.loads((runs[1] / "evaluation.json").read_text())
    (runs[1] / "evaluation.json").write_text(json.dumps(scores | {"step": 1}))
    told = []
    table = collect.collect(root, told.append)
    assert any(str(runs[0]) in line and "no result.json" in line for line in told)
    assert any(str(runs[1]) in line and "step 1" in line for line in told)
    assert any("autoencoder" in line and "skipped" in line for line in told)
    assert runs[0].name not in set(table["run_id"])
    assert table.set_index("run_id").loc[runs[1].name, ["permanence"]].isna().all()


@pytest.mark.parametrize("text", ["", '{"run_id": "a', "[]", '{"a": 1}', '{"loss": NaN}'])
def test_a_damaged_result_is_told_and_left_out(root, text):
    (folder, *_) = sorted((root / "runs").iterdir())
    (folder / "result.json").write_text(text)
    told = []
    table = collect.collect(root, told.append)
    assert len(table) == 11
    (line,) = (line for line in told if str(folder) in line)
    assert line.startswith(f"{folder / 'result.json'}: damaged (")
    assert line.endswith("; the run is left out")


def test_the_result_of_another_run_is_left_out(root):
    runs = sorted((root / "runs").iterdir())
    (root / "sweep.json").write_text(json.dumps({"runs": [{"run_id": r.name} for r in runs]}))
    (runs[0] / "result.json").write_text((runs[1] / "result.json").read_text())
    told = []
    assert len(collect.collect(root, told.append)) == 11
    assert f"{runs[0]}: damaged, left out: what it has is of run {runs[1].name}" in told


def test_damaged_losses_leave_the_paired_error_blank(root):
    runs = sorted((root / "runs").iterdir())
    for run, data in zip(runs[:2], (b"", b"PK"), strict=True):
        (run / "losses.npz").write_bytes(data)
    (runs[2] / "losses.npz").write_bytes((runs[3] / "losses.npz").read_bytes()[:99])
    told = []
    table = collect.collect(root, told.append).set_index("run_id")
    assert len(table) == 12
    for run in runs[:3]:
        assert np.isnan(table.loc[run.name, "loss_pair_se"])
        assert any(line.startswith(f"{run / 'losses.npz'}: damaged (") for line in told)


def test_a_folder_without_runs_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        collect.collect(tmp_path / "none")
    with pytest.raises(InputError, match=r"no finished run \(no result.json below it\)$"):
        collect.collect(tmp_path)


def test_runs_of_another_plan_are_no_runs_of_this_one(root):
    (root / "sweep.json").write_text(json.dumps({"runs": [{"run_id": "0" * 12}]}))
    with pytest.raises(InputError, match=f"no finished run of the plan in {root}/sweep.json$"):
        collect.collect(root)


def test_a_bad_loss_is_named_by_its_run(root):
    run = sorted((root / "runs").iterdir())[0]
    row = json.loads((run / "result.json").read_text())
    (run / "result.json").write_text(json.dumps(row | {"loss": -1.0}))
    with pytest.raises(InputError, match=f"{run.name}.*loss is -1"):
        collect.collect(root)


def test_paired_errors_are_against_the_best_run_of_the_largest_budget(root):
    table = collect.collect(root)
    top = table[table["flops_budget"] == table["flops_budget"].max()]
    best = top.loc[top["loss_ema"].idxmin(), "run_id"]
    assert table.set_index("run_id").loc[best, "loss_pair_se"] == 0
    others = table[table["run_id"] != best]
    assert (others["loss_pair_se"] > 0).all()
    # Most of a loss's spread is the triple's own: pairing must remove it.
    assert (others["loss_pair_se"] < 0.5 * others["loss_ema"] * 0.2 / 20).all()


def test_the_paired_error_is_the_spread_over_repeated_triples():
    rng = np.random.default_rng(0)
    t = (np.arange(500) + 0.5) / 500
    means, errors = [], []
    for _ in range(400):
        difference = 3 * t + rng.standard_normal(500)
        means.append(difference.mean())
        errors.append(pairs.paired_se(difference, t))
    assert np.mean(errors) == pytest.approx(np.std(means), rel=0.1)


def test_runs_without_the_same_triples_have_no_paired_error(root):
    run = sorted((root / "runs").iterdir())[0]
    np.savez(run / "losses.npz", t=np.array([0.5]), loss=np.ones(1), loss_ema=np.ones(1))
    table = collect.collect(root).set_index("run_id")
    assert np.isnan(table.loc[run.name, "loss_pair_se"])


def test_the_command_writes_the_table_and_nothing_half(root, capsys):
    out = root / "results.csv"
    collect.main(["--root", str(root), "--out", str(out)])
    assert len(reading.read_table(out)) == 12
    assert [p.name for p in root.iterdir() if p.is_file()] == ["results.csv"]
    assert "12 runs at 2 compute budgets" in capsys.readouterr().out


def test_rows_of_runs_without_a_folder_are_kept(root, tmp_path, capsys):
    before, after = tmp_path / "before.csv", tmp_path / "after.csv"
    collect.main(["--root", str(root), "--out", str(before)])
    gone, *others, unplanned = sorted((root / "runs").iterdir())
    plan = [{"run_id": run.name} for run in (gone, *others)]
    (root / "sweep.json").write_text(json.dumps({"runs": plan}))
    shutil.rmtree(gone)
    shutil.rmtree(unplanned)
    capsys.readouterr()
    collect.main(["--root", str(root), "--out", str(after), "--keep", str(before)])
    told = capsys.readouterr().err
    assert "1 runs kept" in told
    assert "1 runs are left out, they are not in the plan" in told
    first, second = (reading.read_table(path).set_index("run_id") for path in (before, after))
    assert set(second.index) == set(first.index) - {unplanned.name}
    assert second.loc[gone.name, "loss_ema"] == first.loc[gone.name, "loss_ema"]
    assert np.isnan(second.loc[gone.name, "loss_pair_se"])


def test_a_table_of_another_sweep_is_not_kept(root, tmp_path):
    other, out = tmp_path / "other.csv", tmp_path / "x.csv"
    table = collect.collect(root)
    table.assign(run_id="x" + table["run_id"]).to_csv(other, index=False)
    runs = [{"run_id": run.name} for run in (root / "runs").iterdir()]
    (root / "sweep.json").write_text(json.dumps({"runs": runs}))
    with pytest.raises(InputError, match="expected a table of this sweep"):
        collect.main(["--root", str(root), "--out", str(out), "--keep", str(other)])
    assert not out.exists()


def test_runs_of_two_kinds_are_told_apart(root):
    """Older code names the kind in the run's config alone."""
    first, second, *_ = sorted((root / "runs").iterdir())
    config = {"steps": 1, "optimizer": {}, "model": {"dtype": "bfloat16"}}
    (first / "config.json").write_text(json.dumps(config))
    row = json.loads((second / "result.json").read_text())
    (second / "result.json").write_text(json.dumps(row | {"compute_dtype": "float32"}))
    table = collect.collect(root)
    kinds = table.set_index("run_id")["compute_dtype"].to_dict()
    assert (kinds[first.name], kinds[second.name]) == ("bfloat16", "float32")
    with pytest.raises(InputError, match="2 values of 'compute_dtype'"):
        schema.comparable(table)
