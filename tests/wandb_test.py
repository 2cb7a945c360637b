"""Weights & Biases, a stand-in where it is not installed: a resumed run is the same run."""

import json
import sys
import types

import pytest

from tests.tiny import config
from vdit.config.fingerprint import fingerprint
from vdit.training.metrics import open_log
from vdit.training.resolve import resolve


class StandIn(types.ModuleType):
    """Notes how runs were begun, and what was logged of each, under its id."""

    def __init__(self):
        super().__init__("wandb")
        self.begun, self.logged, self.rows = [], {}, []

    def init(self, **asked):
        self.begun.append(asked)
        rows = self.logged.setdefault(asked["id"], [])

        def log(row, step):
            rows.append(step)
            self.rows.append(row)

        return types.SimpleNamespace(log=log, finish=lambda: None)


def train(made, folder, first, last):
    with open_log(made, folder) as log, log.training(first):
        for step in range(first + 1, last + 1):
            log.write(step, {"loss": 1.0})


def test_a_run_that_is_gone_on_with_is_the_same_run(tmp_path, monkeypatch):
    wandb = StandIn()
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    made = resolve(config(tmp_path))
    made.wandb = True
    train(made, tmp_path, 0, 2)
    train(made, tmp_path, 2, 4)
    assert wandb.logged == {fingerprint(made): [1, 2, 3, 4]}
    assert [asked["resume"] for asked in wandb.begun] == ["allow", "allow"]
    assert wandb.begun[0] == wandb.begun[1]


def test_scores_have_a_place_of_their_own(tmp_path, monkeypatch):
    wandb = StandIn()
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    made = resolve(config(tmp_path))
    made.wandb = True
    with open_log(made, tmp_path) as log, log.training(0):
        log.write(3, {"loss": 1.0})
        log.scores(3, {"permanence": 0.5})
    assert wandb.rows == [{"loss": 1.0}, {"scores/permanence": 0.5}]
    assert "permanence" not in (tmp_path / "metrics.jsonl").read_text()


def test_offline_and_its_key_is_in_no_file(tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    key = "0123456789abcdef" * 2 + "01234567"
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_API_KEY", key)
    made = resolve(config(tmp_path, wandb=True))
    for first in (0, 2):
        train(made, tmp_path, first, first + 2)
    runs = [path.name for path in (tmp_path / "wandb").glob("offline-run-*")]
    assert len(runs) == 2
    assert {name.split("-")[-1] for name in runs} == {fingerprint(made)}
    assert json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[-1])["step"] == 4
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or key.encode() not in path.read_bytes(), path
