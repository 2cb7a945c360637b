"""Spikes of the loss: found where they are, nowhere else, and as well after a resume."""

import json

import numpy as np
import pytest

from tests import tiny
from vdit.runs.folder import read_result
from vdit.training import metrics
from vdit.training.spikes import FEWEST, MARK, Spikes, spikes_of

NOISE = {  # of the logarithm of the loss
    "large batches": lambda rng, n: 0.01 * rng.standard_normal(n),
    "batches of eight": lambda rng, n: np.log(rng.gamma(8, 1 / 8, n)),
    "one clip": lambda rng, n: np.log(0.4 + 0.8 * (2 * rng.random(n) - 1) ** 2),
    "one clip at any loss": lambda rng, n: rng.standard_normal(n),
}


def curve(noise, n=300, seed=0):
    fall = 0.6 + 2 * np.exp(-np.arange(n) / 30)
    return fall * np.exp(NOISE[noise](np.random.default_rng(seed), n))


def found(losses):
    watch = Spikes()
    return [i for i, loss in enumerate(losses) if watch.begins(loss)]


@pytest.mark.parametrize("noise", NOISE)
def test_noise_is_no_spike(noise):
    assert not any(found(curve(noise, seed=seed)) for seed in range(50))


@pytest.mark.parametrize("noise", NOISE)
def test_a_jump_is_a_spike_once_however_long_it_lasts(noise):
    losses = curve(noise)
    losses[200] = 1.5e10
    losses[201:210] *= 1e4
    losses[250] = 1.5e10
    assert found(losses) == [200, 250]


def test_what_is_less_than_twice_the_usual_loss_is_none():
    losses = np.full(60, 2.0)
    losses[30], losses[50] = 3.9, 4.1
    assert found(losses) == [50]


def test_before_enough_are_known_nothing_is_said():
    assert found([2.0] * (FEWEST - 1) + [1e10]) == []
    assert found([2.0] * FEWEST + [1e10]) == [FEWEST]


def row(step, loss=2.0, **more):
    return {"step": step, "loss": loss} | more


def test_of_steps_trained_again_the_last_count():
    first = [row(step) for step in range(20)] + [row(20, 1e10, **{MARK: True}), row(21)]
    again = [{"step": 17, "resumed": True}, *(row(step) for step in range(18, 30))]
    assert spikes_of(first) == [20]
    assert spikes_of([*first, *again]) == []
    assert spikes_of([*first, {"step": 20, "resumed": True}, row(21)]) == [20]


def test_a_resumed_run_knows_its_losses():
    losses = curve("batches of eight")
    losses[150] = 1e6
    rows = [row(step, float(loss)) for step, loss in enumerate(losses[:151])]
    went_on, whole = Spikes(rows), Spikes()
    assert any(whole.begins(loss) for loss in losses[:151])
    losses[151], losses[152:160] = 1e6, 0.6
    losses[180] = 1e6
    ends = [[w.begins(x) for x in losses[151:]] for w in (went_on, whole)]
    assert ends[0] == ends[1]
    assert sum(ends[0]) == 1  # the first goes on from before


def test_rows_of_something_else_are_passed_over():
    assert spikes_of([{}, {"step": "x", "resumed": True}, {"loss": 1}, row(3, **{MARK: True})]) == [
        3
    ]


def test_a_run_says_marks_and_counts_it(tmp_path, monkeypatch, capsys):
    """A loss that jumps once, as the log sees it; the run ends well."""
    write = metrics.Log.write

    def jump(log, step, values):
        write(log, step, values | ({"loss": 1.5e10} if step == 18 else {}))

    monkeypatch.setattr(metrics.Log, "write", jump)
    config = tiny.config(tmp_path, steps=20, checkpoint_every=0)
    assert tiny.trained(config, tmp_path / "run")["spikes"] == 1
    assert read_result(tmp_path / "run")["spikes"] == 1
    assert "step 18: the loss spikes, to 1.5e+10" in capsys.readouterr().err
    lines = map(json.loads, (tmp_path / "run" / "metrics.jsonl").read_text().splitlines())
    assert [line["step"] for line in lines if MARK in line] == [18]
