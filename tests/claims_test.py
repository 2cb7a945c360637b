"""Claims are tested with real processes: they race, are killed and come back."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from sweeps.launcher import run_files
from sweeps.launcher.state import states_of
from vdit.runs import attempt, claim, lease
from vdit.runs import folder as run_folders
from vdit.runs.files import write_json
from vdit.runs.folder import COMMITTED, RESULT, attempts, find

# Waits for a moment that all share, then tries; prints the folder it holds ("": none) and its
# deaths, and stays until its input ends: then it gives the run back.
TAKER = """
import pathlib, sys, time
from vdit.runs import attempt, claim, lease
machine = sys.argv[3]
if machine:
    claim.boot_id = lambda: machine
lease.BEAT_S, lease.LEASE_S = 0.05, 0.5
at = float(sys.argv[2])
time.sleep(max(0, at - 0.02 - time.time()))  # the cores are for those that still import
while time.time() < at: pass
path, held = pathlib.Path(sys.argv[1]), None
while not held:
    held = attempt.acquire(path)
    if not machine: break
print(held.folder.name if held else "", held.deaths if held else 0, flush=True)
sys.stdin.read()
held and held.release()
"""


def start_takers(path, count=1, at=0.0, machine=""):
    """With a name of a machine of their own they wait for each other's leases to expire."""
    command = [sys.executable, "-c", TAKER, str(path), str(at), machine]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return [subprocess.Popen(command, text=True, **pipes) for _ in range(count)]


def held(takers):
    """(folder, deaths) of those who hold the claim."""
    lines = [taker.stdout.readline().rstrip("\n").split(" ") for taker in takers]
    return [(name, int(deaths)) for name, deaths in lines if name]


def kill(taker):
    taker.kill()
    taker.wait()


@pytest.fixture
def run(tmp_path):
    return tmp_path / "runs" / "run"


@pytest.fixture
def ended():
    started = []
    yield started
    for process in started:
        process.kill()
        process.communicate()


def test_one_of_many_takers_wins_at_rest_or_not_there_or_dead(run, ended):
    for before, name in ((None, "run.1"), ("dead", "run.2"), ("at rest", "run.3")):
        takers = start_takers(run, 6, time.time() + 1)
        ended += takers
        assert held(takers) == [(name, before == "dead")]
        assert find(run) == run.with_name(name)
        assert claim.is_live(find(run))
        winner = next(t for t in takers if t.pid == claim.owner(find(run))["pid"])
        assert winner.poll() is None
        if before is None:
            kill(winner)
            assert not claim.is_live(find(run))
        else:
            winner.communicate("")
            assert find(run) == run
    assert os.listdir(run.parent) == ["run"]


def test_a_live_claim_is_refused_and_a_dead_one_taken_over_with_its_deaths(run, ended):
    for deaths in (0, 1, 2):
        ended += start_takers(run)
        assert held(ended[-1:]) == [(f"run.{deaths + 1}", deaths)]
        assert attempt.acquire(run) is None
        kill(ended[-1])


def test_a_death_after_a_new_checkpoint_starts_the_count_again(run, ended):
    for deaths in (0, 1, 0, 1):
        ended += start_takers(run)
        assert held(ended[-1:]) == [(find(run).name, deaths)]
        if len(ended) == 2:
            write_json(find(run) / "checkpoints" / "8" / COMMITTED, {})
        kill(ended[-1])


def test_a_released_claim_leaves_the_run_at_rest_and_no_number_comes_twice(run):
    for number in (1, 2, 3):
        mine = attempt.acquire(run)
        assert mine.folder.name == f"run.{number}"
        assert claim.owner(mine.folder)["pid"] == os.getpid()
        (mine.folder / "kept").touch()
        mine.release()
        assert claim.owner(run) is None
        assert (run / "kept").exists()
        assert mine.deaths == 0
        assert not (run / lease.HEARTBEAT).exists()


def elsewhere(run, boot="another", **more):
    """An attempt of another machine, whose counter stands still."""
    owner = {"pid": 1, "host": socket.gethostname(), "boot_id": boot, "started": 0.0, "slurm": None}
    folder = run.with_name(f"{run.name}.1")
    write_json(folder / claim.NAME, owner | {"attempt": 1, "deaths": 0, "step": 0} | more)
    (folder / lease.HEARTBEAT).write_text("x 0")
    return folder


def test_a_run_given_back_while_many_are_looked_at_is_found_again(run, monkeypatch):
    held = attempt.acquire(run)
    look = run_folders.find_all

    def look_and_give_back(place):
        found = look(place)
        held.release()
        return found

    monkeypatch.setattr(run_folders, "find_all", look_and_give_back)
    result = dict.fromkeys(run_files.NUMBERS, 1.0) | {"run_id": run.name, "size": "w8"}
    write_json(held.folder / RESULT, result)
    root, plan = run.parent.parent, [{"run_id": run.name, "steps": 4}, {"run_id": "b", "steps": 4}]
    states = states_of(root, plan)
    assert [state.name for state in states] == ["finished", "waiting"]


def test_an_owner_that_lost_its_run_ends_and_what_it_writes_is_not_read(run, ended):
    first = start_takers(run, machine="one")
    ended += first
    assert held(first) == [("run.1", 0)]
    (find(run) / "metrics.jsonl").write_text('{"step": 1}\n')
    late = open(find(run) / "metrics.jsonl", "a")  # noqa: SIM115, a descriptor of the zombie
    first[0].send_signal(signal.SIGSTOP)
    second = start_takers(run, machine="two")
    ended += second
    assert held(second) == [("run.2", 1)]
    late.write('{"step": 2}\n')
    late.close()
    write_json(run.with_name("run.1") / "result.json", {"loss": 0.0})
    first[0].send_signal(signal.SIGCONT)
    assert first[0].wait() == lease.LOST
    assert first[0].stderr.read() == f"{run.with_name('run.1')}: {lease.TAKEN_OVER}\n"
    assert (find(run) / "metrics.jsonl").read_text() == '{"step": 1}\n'
    second[0].communicate("")
    assert find(run) == run
    assert not (run / "result.json").exists()
    assert (run / "metrics.jsonl").read_text() == '{"step": 1}\n'
    mine = attempt.acquire(run)  # and sweeps what the zombie made again
    assert os.listdir(run.parent) == ["run.3"]
    mine.release()


def at_first(value, function):
    """A function that answers so when it is first called, and afterwards as the given one."""
    values = iter([value])
    return lambda *args: next(values) if values.__length_hint__() else function(*args)


def test_what_a_stale_look_makes_beside_a_run_is_no_claim(run, monkeypatch):
    """The run is made, claimed and given back between a look and the mkdir that follows it."""
    elder = attempt.acquire(run)
    monkeypatch.setattr(attempt, "attempts", at_first({}, attempts))
    os.rename(run.with_name("run.1"), run.with_name("run.2"))  # so that the mkdir succeeds
    assert attempt.acquire(run) is None
    os.rename(run.with_name("run.2"), run.with_name("run.1"))
    elder.release()
    assert json.loads((run / claim.NAME).read_text())["attempt"] == 1
    assert os.listdir(run.parent) == ["run"]


def test_a_number_that_was_used_since_it_was_chosen_is_not_used_again(run, monkeypatch):
    attempt.acquire(run).release()
    attempt.acquire(run).release()
    monkeypatch.setattr(claim, "read", at_first({}, claim.read))
    mine = attempt.acquire(run)
    assert mine.folder.name == "run.3"
    mine.release()


def test_looking_does_not_disturb(run):
    mine = attempt.acquire(run)
    for _ in range(3):
        assert claim.is_live(mine.folder)
    mine.release()
    assert not claim.is_live(run)
