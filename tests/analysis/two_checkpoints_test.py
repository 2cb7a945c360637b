"""Two checkpoints, score by score: what differs, by how much, and what may not be compared."""

import json
import math

import numpy as np
import pytest

from analysis import checkpoints as command_of_two
from analysis.scores import checkpoints, noise
from tests.analysis.synthetic_sweep import make_rows, write_evaluation, write_root
from vdit.errors import InputError


@pytest.fixture
def two(tmp_path):
    """Folders of two evaluated runs."""
    rows = make_rows(6)
    root = write_root(tmp_path / "root", rows)
    for row in (rows[0], rows[-1]):
        write_evaluation(root / "runs" / row["run_id"], row)
    return [root / "runs" / row["run_id"] for row in (rows[0], rows[-1])]


def test_two_checkpoints_are_compared_score_by_score(two):
    found, left_out = checkpoints.compare(*map(checkpoints.read, two))
    assert {d.name for d in found} == {
        "objects_agree",
        "permanence",
        "acceleration",
        "extend_position",
    }
    assert not left_out
    for d in found:
        assert d.better == "second", d
        half = noise.level(len(found), 2 * 63) * d.error  # 64 clips each, equal errors
        assert d.interval == pytest.approx((d.difference - half, d.difference + half))
    assert {d.error for d in found} == {math.hypot(0.04, 0.04), math.hypot(0.1, 0.1)}


def test_what_was_measured_otherwise_is_not_compared(two, capsys):
    (path,) = (two[1] / "evaluations").glob("*.json")
    whole = json.loads(path.read_text())
    whole["evaluators"]["worlds"]["options"] = {"clips": 7}
    path.write_text(json.dumps(whole))
    command_of_two.main(list(map(str, two)))
    said = capsys.readouterr().out
    assert "not compared: worlds: {} beside {'clips': 7}" in said
    assert "permanence" not in said
    whole["row"]["dataset"] = "clips"
    path.write_text(json.dumps(whole))
    with pytest.raises(InputError, match=r"has dataset worlds, .* clips: expected the same"):
        command_of_two.main(list(map(str, two)))


def test_what_is_the_same_without_error_takes_no_share_of_the_level(two):
    for folder in two:
        (path,) = (folder / "evaluations").glob("*.json")
        whole = json.loads(path.read_text())
        more = {"name": "copies", "value": 0.0, "se": 0.0, "lower_is_better": True}
        whole["evaluators"]["worlds"]["records"].append(more)
        path.write_text(json.dumps(whole))
    found, left_out = checkpoints.compare(*map(checkpoints.read, two))
    assert len(found) == 4
    assert left_out == ["the same without error: copies"]


def test_losses_of_the_same_triples_are_paired(two):
    rng, t = np.random.default_rng(3), np.linspace(0, 1, 50)
    shared = rng.standard_normal(50)
    for shift, folder in enumerate(two):
        losses = 1 + shared + 0.1 * shift + 0.01 * rng.standard_normal(50)
        np.savez(folder / "losses.npz", t=t, loss_ema=losses)
        (path,) = (folder / "evaluations").glob("*.json")
        whole = json.loads(path.read_text())
        whole["row"]["steps"] = whole["step"]
        record = {"name": "loss_ema", "value": losses.mean(), "se": 0.2, "lower_is_better": True}
        whole["evaluators"]["losses"]["records"] = [record]
        path.write_text(json.dumps(whole))
    found, _ = checkpoints.compare(*map(checkpoints.read, two))
    (loss,) = [d for d in found if d.name == "loss_ema"]
    assert loss.paired
    assert loss.error < 0.005
    assert loss.better == "first"


def test_what_is_missing_is_said(two, tmp_path):
    with pytest.raises(InputError, match="expected a run that was evaluated"):
        checkpoints.read(tmp_path)
    with pytest.raises(InputError, match="step 3 was not evaluated, only"):
        checkpoints.read(two[0], 3)
    with pytest.raises(InputError, match="--steps x: expected two numbers"):
        command_of_two.main([*map(str, two), "--steps", "x"])
