"""Claims of other machines, which hold no lock that is seen here: a counter that moves."""

import socket
import time
import types

import pytest

from sweeps.launcher.state import state_by_claim
from tests.claims_test import elsewhere
from vdit.runs import attempt, claim, lease


@pytest.fixture
def run(tmp_path):
    return tmp_path / "runs" / "run"


@pytest.fixture
def clock(monkeypatch):
    """The observer's clock, set by hand."""
    now = [0.0]
    monkeypatch.setattr(lease, "OBSERVER", lease.Observer(lambda: now[0]))
    return now


def look_for(folder, clock, seconds):
    """Looks at a claim every second; returns how it was found."""
    found = [claim.condition(folder)]
    for _ in range(round(seconds)):
        clock[0] += 1
        found.append(claim.condition(folder))
    return found


def test_a_claim_of_another_machine_lives_while_its_counter_moves(run, clock):
    folder = elsewhere(run)
    for count in range(40):
        (folder / lease.HEARTBEAT).write_text(f"x {count}")
        assert set(look_for(folder, clock, lease.BEAT_S)) == {"live"}
    assert attempt.acquire(run) is None


def test_a_counter_that_stands_still_is_silent_and_then_dead(run, clock):
    folder = elsewhere(run)
    found = look_for(folder, clock, lease.LEASE_S)
    assert found[: int(2 * lease.BEAT_S)] == ["live"] * int(2 * lease.BEAT_S)
    assert set(found[int(2 * lease.BEAT_S) : -1]) == {"silent"}
    assert found[-1] == "dead"
    mine = attempt.acquire(run)
    assert (mine.folder.name, mine.deaths) == ("run.2", 1)
    mine.release()


@pytest.mark.parametrize("moves", [True, False])
def test_status_looks_at_another_machine_s_claim_until_it_moved_or_two_beats(
    run, monkeypatch, moves
):
    monkeypatch.setattr(lease, "BEAT_S", 0.1)
    monkeypatch.setattr(lease, "OBSERVER", lease.Observer())
    folder, sleep = elsewhere(run), time.sleep

    def beat(seconds):
        sleep(seconds)
        (folder / lease.HEARTBEAT).write_text(f"x {int(moves)}")

    monkeypatch.setattr(claim.time, "sleep", beat)
    claim.settle([folder])
    state = state_by_claim(folder, 3)
    assert state.name == ("running" if moves else "silent")
    assert f"{socket.gethostname()}:1" in state.note


def test_silence_is_two_beats_long_from_the_first_look_however_late_that_comes(
    run, clock, monkeypatch
):
    folder, owner = elsewhere(run), claim.owner

    def late(folder):
        clock[0] = max(clock[0], 1.0)
        return owner(folder)

    def sleep(seconds):
        clock[0] += seconds

    ours = types.SimpleNamespace(monotonic=lambda: clock[0], sleep=sleep)
    monkeypatch.setattr(claim, "time", ours)
    monkeypatch.setattr(claim, "owner", late)
    claim.settle([folder])
    assert claim.condition(folder) == "silent"


def test_who_slept_has_not_seen_it_stand_still(run, clock):
    """A laptop that was shut, or a filesystem that hung for all."""
    folder = elsewhere(run)
    assert claim.condition(folder) == "live"
    clock[0] += 10 * lease.LEASE_S
    assert claim.condition(folder) == "silent"
    assert attempt.acquire(run) is None


def test_a_machine_that_was_started_again_holds_nothing_by_its_old_locks(run, clock):
    folder = elsewhere(run, boot="before the crash")
    assert claim.condition(folder) == "live"
    folder = elsewhere(run, boot=claim.boot_id())
    assert claim.condition(folder) == "dead"


@pytest.mark.parametrize("text", [None, "", "{", '{"attempt": 0}'])
def test_an_attempt_that_is_not_signed_is_waited_for_and_then_taken_over(run, clock, text):
    folder = run.with_name("run.1")
    folder.mkdir(parents=True)
    if text is not None:
        (folder / claim.NAME).write_text(text)
    assert claim.owner(folder) == {}
    assert attempt.acquire(run) is None
    look_for(folder, clock, lease.LEASE_S)
    mine = attempt.acquire(run)
    assert mine.folder.name == "run.2"
    mine.release()


def test_without_locks_a_lease_is_what_there_is(run, clock, monkeypatch):
    monkeypatch.setattr(claim, "lock", lambda *_: False)
    mine = attempt.acquire(run)
    assert claim.owner(mine.folder)["boot_id"] is None
    assert claim.is_in_doubt(mine.folder)
    assert look_for(mine.folder, clock, lease.LEASE_S)[-1] == "dead"
    mine.release()
