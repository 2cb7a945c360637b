"""When a run is saved: by steps, by the clock, at its end, and when it is told to end."""

import signal

import pytest
from ml_collections import ConfigDict

from vdit.runs import signals
from vdit.training.saving import Saving
from vdit.training.step import DivergedError, TrainState

CONFIG = {"steps": 100, "log_every": 1, "checkpoint_every": 0, "checkpoint_every_s": 0.0}


class Checkpoints:
    def __init__(self):
        self.steps = []

    def save(self, step, state, data):
        self.steps.append(step)

    def wait(self):
        pass


class Seconds:
    now = 0.0

    def __call__(self):
        return self.now


def state(bad_step=-1):
    return TrainState(0, None, None, None, None, bad_step)


def saved(changes, seconds_a_step=1.0):
    """The steps of a run of 100 that are saved."""
    checkpoints, clock = Checkpoints(), Seconds()
    with signals.Deferral() as deferral:
        saving = Saving(ConfigDict(CONFIG | changes), checkpoints, deferral, clock)
        for done in range(1, 101):
            clock.now += seconds_a_step
            if saving.is_due(done):
                saving.save(done, state(), None)
            saving.end_if_told(done)
    return checkpoints.steps


@pytest.mark.parametrize(
    ("changes", "steps"),
    [
        ({}, [100]),
        ({"checkpoint_every": 40}, [40, 80, 100]),
        ({"checkpoint_at": (7, 100)}, [7, 100]),
        ({"checkpoint_every_s": 30.0}, [30, 60, 90, 100]),
        ({"checkpoint_every_s": 30.0, "checkpoint_every": 50}, [30, 50, 80, 100]),  # since the last
    ],
)
def test_a_run_is_saved_when_it_is_due(changes, steps):
    assert saved(changes) == steps


def test_a_signal_waits_for_the_step_and_ends_the_run_when_it_is_saved():
    checkpoints = Checkpoints()

    def run():
        with signals.handled(), signals.Deferral() as deferral:
            saving = Saving(ConfigDict(CONFIG), checkpoints, deferral)
            for done in range(1, 101):
                if done == 5:
                    signal.raise_signal(signal.SIGTERM)
                if saving.is_due(done):
                    saving.save(done, state(), None)
                saving.end_if_told(done)

    with pytest.raises(signals.Stopped) as stopped:
        run()
    assert stopped.value.code == 128 + signal.SIGTERM
    assert checkpoints.steps == [5]


def test_before_the_first_step_a_signal_ends_at_once():
    def run():
        with signals.handled(), signals.Deferral():
            signal.raise_signal(signal.SIGHUP)
            pytest.fail("the signal was put off")

    with pytest.raises(signals.Stopped):
        run()


def test_one_that_comes_too_late_to_be_looked_at_ends_the_block():
    def run():
        with signals.handled(), signals.Deferral() as deferral:
            deferral.begin()
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(signals.Stopped):
        run()


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals.handled():
            signal.raise_signal(signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_is_not_finite_is_never_saved():
    checkpoints = Checkpoints()
    with signals.Deferral() as deferral:
        saving = Saving(ConfigDict(CONFIG), checkpoints, deferral)
        with pytest.raises(DivergedError):
            saving.save(3, state(bad_step=2), None)
    assert checkpoints.steps == []
