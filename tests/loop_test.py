"""The loop's order of things, for members of one program; their numbers: train_, packing_test."""

import itertools
import types

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from vdit.errors import DivergedError
from vdit.runs import signals
from vdit.training import clock, loop
from vdit.training.member import Member


class Run(Member):
    """A member without a network, saved and previewed at every step, that notes what is written."""

    def __init__(self, name, steps, log_every, notes, told_at=None):
        self.name, self.steps, self.step, self.diverged = name, steps, 0, None
        about = {"log_every": log_every, "sample_every": 1, "data": {"image_share": 0.0}}
        self.config, self.workdir, self.data = ConfigDict(about), None, None
        self.every = {"log_every": log_every, "sample_every": 1, "evaluate_every": 0}
        self.spent, self._lap, self.rates = np.zeros(4), np.zeros(4), np.ones(steps)
        note = lambda what: notes.append(f"{what} {name}{self.step}")  # noqa: E731
        self.log = types.SimpleNamespace(
            write=lambda step, row: note(f"loss {row['loss']:.0f} timed {row['timed']:.0f}"),
            media=lambda step, preview: note("preview"),
        )
        self.saving = types.SimpleNamespace(
            is_due=lambda done: True,
            save=lambda done, state, data: note(f"save {state.ema}"),
            end_if_told=lambda done: signals.stop() if done == told_at else None,
        )

    def _speed(self, spent):
        return {"timed": spent[0]}


class Together:
    """Runs in one program: metrics are theirs one after another, those of `bad` not finite."""

    def __init__(self, *runs, bad=()):
        self.runs, self.bad, self.config = runs, bad, runs[0].config

    def schedule(self):
        for step in itertools.count():
            if not (members := [run for run in self.runs if run.trains_at(step)]):
                return
            yield step, members

    def __next__(self):
        return {"x": np.zeros(3)}

    def step(self, batch):
        losses = [10 * i + run.step + 1 for i, run in enumerate(self.runs)]
        bad_step = [1 if run.name in self.bad else -1 for run in self.runs]
        metrics = {"loss": jax.numpy.array(losses), "bad_step": jax.numpy.array(bad_step)}
        return jax.block_until_ready(metrics)

    def part_of(self, member, metrics):
        return jax.tree.map(lambda x: x[self.runs.index(member)], metrics)

    def state_of(self, member):
        return types.SimpleNamespace(ema=member.name)


def test_all_are_saved_before_one_is_told_to_end_and_nothing_is_previewed_then():
    notes = []
    pair = Together(Run("a", 3, 2, notes, told_at=2), Run("b", 3, 0, notes))
    with pytest.raises(signals.Stopped):
        loop.advance(pair, clock.Clock())
    assert notes == [
        *("save a a1", "save b b1", "preview a1", "preview b1"),
        *("loss 2 timed 1 a2", "save a a2", "save b b2"),
    ]


def test_all_are_asked_before_one_is_saved():
    """A signal that comes while one is written is for all, or none, of them."""
    notes, asked = [], []
    pair = Together(Run("a", 1, 0, notes), Run("b", 1, 0, notes))
    for run in pair.runs:
        run.saving.is_due = lambda done, name=run.name: asked.append((name, list(notes))) or True
    loop.advance(pair, clock.Clock())
    before = ["loss 1 timed 0 a1", "loss 11 timed 0 b1"]
    assert asked == [("a", before), ("b", before)]


def test_numbers_come_to_the_host_only_where_a_step_is_logged(monkeypatch):
    fetched, notes, get = [], [], jax.device_get
    pair = Together(Run("a", 7, 3, notes), Run("b", 5, 0, notes))
    monkeypatch.setattr(jax, "device_get", lambda x: fetched.append(pair.runs[0].step) or get(x))
    loop.advance(pair, clock.Clock())
    assert fetched == [3, 5, 6, 7]  # every third, and each one's last
    assert [line for line in notes if line.startswith("loss")] == [
        *("loss 3 timed 2 a3", "loss 15 timed 4 b5"),  # the first one compiles
        *("loss 6 timed 3 a6", "loss 7 timed 1 a7"),
    ]


def test_one_that_diverges_writes_nothing_more_and_the_other_goes_on():
    notes = []
    runs = Run("a", 4, 2, notes), Run("b", 3, 3, notes)
    loop.advance(Together(*runs, bad="a"), clock.Clock())
    assert isinstance(runs[0].diverged, DivergedError)
    assert runs[1].diverged is None
    assert (runs[0].step, runs[1].step) == (2, 3)
    assert [line for line in notes if "a" in line.split()[-1]] == ["save a a1", "preview a1"]
    assert "loss 13 timed 2 b3" in notes


def test_members_share_the_seconds_of_their_steps(monkeypatch):
    ticks = types.SimpleNamespace(perf_counter=itertools.count().__next__)
    monkeypatch.setattr(clock, "time", ticks)
    runs, timed = (Run("a", 6, 0, []), Run("b", 2, 0, [])), clock.Clock()
    loop.advance(Together(*runs), timed)
    a, b = (run.spent for run in runs)
    assert (a[0], b[0], timed.split()[0]) == (5, 1, 0)  # timed steps: the first compiles
    assert a[3] == b[3] == timed.compile_s / 2
    step = (a[1] - b[1]) / 4  # of the four that a took alone
    assert step / 2 <= b[1] < step  # its half of the second, and of what the first did not compile
