"""Claims are tested with real processes: they race, are killed and come back."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from sweeps.launcher import claim

# Waits for a moment that all share, then tries; prints the attempt it holds (0: none) and stays.
TAKER = """
import pathlib, sys, time
from sweeps.launcher import claim
while time.time() < float(sys.argv[2]): pass
held = claim.acquire(pathlib.Path(sys.argv[1]))
print(held.attempt if held else 0, flush=True)
sys.stdin.read()
"""


def start_takers(folder, count, at):
    command = [sys.executable, "-c", TAKER, str(folder), str(at)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return [subprocess.Popen(command, **pipes) for _ in range(count)]


def attempts(takers):
    return [int(taker.stdout.readline()) for taker in takers]


@pytest.fixture
def ended():
    started = []
    yield started
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("stale", [False, True])
def test_one_of_many_takers_wins(tmp_path, ended, stale):
    if stale:
        first = start_takers(tmp_path, 1, 0)
        ended += first
        assert attempts(first) == [1]
        first[0].kill()
        first[0].wait()
        assert not claim.is_live(tmp_path)
    takers = start_takers(tmp_path, 6, time.time() + 1)
    ended += takers
    assert sorted(attempts(takers)) == [0] * 5 + [1 + stale]
    assert claim.is_live(tmp_path)
    winner = next(t for t in takers if t.pid == claim.owner(tmp_path)["pid"])
    assert winner.poll() is None


def test_a_live_claim_is_refused_and_a_dead_one_taken_over_with_its_count(tmp_path, ended):
    for attempt in (1, 2, 3):
        taker = start_takers(tmp_path, 1, 0)
        ended += taker
        assert attempts(taker) == [attempt]
        assert claim.acquire(tmp_path) is None
        taker[0].send_signal(signal.SIGKILL)
        taker[0].wait()


def test_a_released_claim_starts_anew(tmp_path):
    held = claim.acquire(tmp_path)
    assert claim.owner(tmp_path)["pid"] == os.getpid()
    held.release()
    assert claim.owner(tmp_path) is None
    again = claim.acquire(tmp_path)
    assert again.attempt == 1
    again.release()


def test_a_claim_of_another_machine_counts_as_alive(tmp_path):
    owner = {"pid": 1, "host": "elsewhere", "started": 0.0, "attempt": 1}
    (tmp_path / claim.NAME).write_text(json.dumps(owner))
    assert claim.is_live(tmp_path)
    assert claim.acquire(tmp_path) is None


def test_an_empty_claim_is_being_written_unless_it_is_old(tmp_path):
    (tmp_path / claim.NAME).touch()
    assert claim.acquire(tmp_path) is None
    old = time.time() - 2 * claim.EMPTY_S
    os.utime(tmp_path / claim.NAME, (old, old))
    held = claim.acquire(tmp_path)
    assert held.attempt == 1
    held.release()


def test_the_lock_of_a_claim_deleted_meanwhile_is_worth_nothing(tmp_path):
    descriptor = os.open(tmp_path / claim.NAME, os.O_RDWR | os.O_CREAT)
    assert claim._is_still(tmp_path / claim.NAME, descriptor)
    (tmp_path / claim.NAME).unlink()
    assert not claim._is_still(tmp_path / claim.NAME, descriptor)
    held = claim.acquire(tmp_path)
    assert not claim._is_still(tmp_path / claim.NAME, descriptor)
    held.release()
    os.close(descriptor)


def test_looking_does_not_disturb(tmp_path):
    held = claim.acquire(tmp_path)
    for _ in range(3):
        assert claim.is_live(tmp_path)
    held.release()
    assert not claim.is_live(tmp_path)
