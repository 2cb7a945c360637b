"""Scores over compute: planted curves are read as what they are, and intervals hold the truth."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from analysis import checkpoints as command_of_two
from analysis.fitting.result import Fit, Minimum
from analysis.scores import __main__ as command
from analysis.scores import best_size, checkpoints, columns, curve, noise
from tests.analysis.synthetic_sweep import make_rows, write_evaluation, write_root
from vdit.errors import InputError

FLOPS = 1e10 * 2.0 ** np.arange(7)
SIZES = np.array([0.25, 0.5, 1.0, 2.0, 4.0])
BEST = 1e4 * (FLOPS / FLOPS[0]) ** 0.5


def sweep(score, error=0.01, seeds=0.0, rng=None):
    """A table of `score(log2 of compute, log of size over the best one)`, and its Fit."""
    rng = rng or np.random.default_rng(0)
    c, n = np.repeat(np.arange(7), len(SIZES)), np.tile(SIZES, 7)
    u = np.log(n)
    loss = (2.0 + c) ** -0.3 * np.exp(0.03 * u**2)
    values = score(c, u) + math.hypot(error, seeds) * rng.standard_normal(len(c))
    table = pd.DataFrame(
        {"flops_budget": FLOPS[c], "params": BEST[c] * n, "loss": loss, "M": values}
    )
    table = table.assign(M_se=error, M_n=100, M_lower_is_better=False, run_id=table.index)
    budgets = tuple(
        Minimum(
            f, (b * SIZES).tolist(), [1.0] * 5, [1] * 5, "", {"word": "fitted"}, "", False, b, 1.0
        )
        for f, b in zip(FLOPS, BEST, strict=True)
    )
    return table, Fit("frontier", {}, {"loss": "loss", "params": "params"}, budgets=budgets)


def read(score, **planted):
    (found,) = curve.curves(*sweep(score, **planted))
    return found


@pytest.mark.parametrize(
    ("score", "reads"),
    [
        (lambda c, u: 0.1 * c, "improves to the end"),
        (lambda c, u: 0.6 - 0.5 * np.exp(-1.5 * c), "saturates"),
        (lambda c, u: 0.3 + 0 * c, "says nothing"),
        (lambda c, u: 0.9 - 0.1 * c, "gets worse"),
    ],
)
def test_a_planted_curve_is_read_as_what_it_is(score, reads):
    assert read(score).reads == reads


def test_the_direction_of_a_score_is_that_of_its_records():
    table, fit = sweep(lambda c, u: 0.9 - 0.1 * c)
    (found,) = curve.curves(table.assign(M_lower_is_better=True), fit)
    assert found.reads == "improves to the end"
    assert found.whole.value == pytest.approx(0.6, abs=0.05)


def test_a_gain_holds_the_errors_of_clips_and_of_seeds():
    found = read(lambda c, u: 0.1 * c, error=0.03, seeds=0.04)
    assert found.seeds_error == pytest.approx(0.04, rel=0.4)
    low, high = found.whole.interval
    width = 2 * 1.96 * math.sqrt(2) * math.hypot(0.03, found.seeds_error)
    assert high - low == pytest.approx(width, rel=1e-3)


def test_so_many_clips_tell_a_step_four_times_in_five():
    step, of_clip, seeds, rng = 0.1, 0.5, 0.02, np.random.default_rng(1)
    count = noise.clips_to_tell(step, of_clip, seeds)
    error = math.sqrt(2) * math.hypot(of_clip / math.sqrt(count), seeds)
    seen = step + error * rng.standard_normal(20_000)
    assert (seen > 1.96 * error).mean() == pytest.approx(0.8, abs=0.01)
    assert noise.clips_to_tell(step, of_clip, seeds=0.05) is None


def test_the_best_size_by_a_score_holds_the_planted_one():
    """Fieller's interval over planted tables, where scores bend enough to tell."""
    shift, rng, held = math.log(1.5), np.random.default_rng(2), []
    for _ in range(200):
        table, fit = sweep(lambda c, u: 0.1 * c - 0.05 * (u - shift) ** 2, 0.02, rng=rng)
        found = best_size.size_factor(table, fit, "M", np.full(len(table), 0.02))
        low, high = found.interval
        held.append(low <= 1.5 <= high)
    assert 0.91 <= np.mean(held) <= 0.99


def test_scores_that_do_not_bend_tell_no_size():
    assert read(lambda c, u: 0.1 * c).size is None


def test_bounds_baselines_parts_and_losses_are_no_scores():
    scores = ["extend_psnr", "extend_psnr_still", "extend_psnr_coded", "extend_psnr_01", "loss"]
    table = pd.DataFrame({f"{name}{end}": [1.0, 2.0] for name in scores for end in ("", "_se")})
    assert columns.names(table) == ["extend_psnr"]
    assert columns.beside(table, "extend_psnr") == {"still": 1.5, "coded": 1.5}


def test_the_command_reads_a_table(tmp_path, capsys):
    table = sweep(lambda c, u: 0.1 * c)[0]
    table = table.assign(
        flops=table["flops_budget"], tokens=table["flops_budget"] / table["params"]
    )
    table.to_csv(tmp_path / "results.csv", index=False)
    out = tmp_path / "scores.json"
    command.main([str(tmp_path / "results.csv"), "--json", str(out), "--png", f"{out}.png"])
    assert "improves to the end" in capsys.readouterr().out
    assert json.loads(out.read_text())["scores"][0]["reads"] == "improves to the end"
    table.drop(columns="M_se").to_csv(tmp_path / "results.csv", index=False)
    with pytest.raises(InputError, match="no scores at two budgets"):
        command.main([str(tmp_path / "results.csv")])


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
        half = noise.level(len(found)) * d.error
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
