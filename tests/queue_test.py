"""Which run a worker takes next, beside others that hold theirs."""

import itertools
import os
import signal
import socket

import pytest

from sweeps.launcher import queue, worker
from sweeps.launcher.training import Training
from tests.claims_test import at_first, elsewhere
from vdit.runs import attempt, lease, signals


def run_of(size, budget, seed=0):
    run = {"run_id": f"{size}_{budget}_{seed}", "size": size, "batch": 8, "flops_budget": budget}
    return run | {"overrides": {}, "steps": 100, "flops": 1e9}


def plan():
    """As `select` orders it: the largest budget first."""
    return [run_of(size, b, seed) for b in (2, 1) for size in ("S", "M") for seed in (0, 1)]


def queue_of(root, runs=None):
    return queue.Queue(Training(root, plan() if runs is None else runs))


def claim_next(root, runs, compiled=()):
    return queue_of(root, runs).claim_next(set(compiled))


def finish(claimed):
    (claimed.claim.folder / "result.json").write_text("{}")
    claimed.claim.release()
    return queue.shape(claimed.run)


def test_two_workers_compile_different_shapes_and_keep_to_them(tmp_path):
    compiled, orders = (set(), set()), ([], [])
    queues = [queue_of(tmp_path) for _ in compiled]
    at_work = [each.claim_next(c) for each, c in zip(queues, compiled, strict=True)]
    while any(at_work):
        for i, claimed in enumerate(at_work):
            if claimed:
                orders[i].append(claimed.run["run_id"])
                compiled[i].add(finish(claimed))
                at_work[i] = queues[i].claim_next(compiled[i])
    assert orders[0] == ["S_2_0", "S_2_1", "S_1_0", "S_1_1"]
    assert orders[1] == ["M_2_0", "M_2_1", "M_1_0", "M_1_1"]


def test_no_worker_stands_idle_for_the_sake_of_a_cache(tmp_path):
    runs = [run_of("S", 2, seed) for seed in range(3)]
    claimed = [claim_next(tmp_path, runs) for _ in range(4)]
    assert claimed[3] is None
    assert [each.run["run_id"] for each in claimed[:3]] == ["S_2_0", "S_2_1", "S_2_2"]


def test_a_longer_run_comes_before_one_that_is_compiled(tmp_path):
    run, _ = claim_next(tmp_path, plan()[2:], {("S", 8)})
    assert run["run_id"] == "M_2_0"


def test_a_shape_that_is_compiled_here_comes_first(tmp_path):
    run, _ = claim_next(tmp_path, plan(), {("M", 8)})
    assert run["run_id"] == "M_2_0"


def test_a_run_that_cannot_be_claimed_is_left_out(tmp_path, monkeypatch):
    """As when another looks at a stale claim at the same moment: nobody has it at work."""
    acquire, first = attempt.acquire, tmp_path / "runs" / plan()[0]["run_id"]
    monkeypatch.setattr(attempt, "acquire", lambda f: None if f == first else acquire(f))
    run, _ = claim_next(tmp_path, plan())
    assert run["run_id"] == "S_2_1"


@pytest.fixture
def work(tmp_path, monkeypatch):
    """work() has a worker do the first run of the plan; returns the folders that it worked in."""

    def do(job, pack):
        (at,) = (job.workdir(each) for each in pack.claimed)
        (at / "result.json").write_text("{}")
        done.append(at.name)
        return 0

    done = []
    monkeypatch.setattr(Training, "do", do)
    monkeypatch.setattr(worker, "POLL_S", 0)
    return lambda: worker.work(Training(tmp_path, plan()[:1])) or done


def test_a_checkpoint_that_comes_between_two_looks_ends_no_worker(work, monkeypatch):
    """The branch waits for its trunk at the first look, and at no later one."""
    looks = iter(["trunk"])
    monkeypatch.setattr(Training, "waits_for", lambda *_: next(looks, ""))
    assert work() == ["S_2_0.1"]


def test_a_worker_that_waits_says_for_whom(work, tmp_path, monkeypatch, capsys):
    looks = iter(["trunk"] * 5)
    monkeypatch.setattr(Training, "waits_for", lambda *_: next(looks, ""))
    held = attempt.acquire(tmp_path / "runs" / "trunk")
    assert work() == ["S_2_0.1"]
    held.release()
    (line,) = capsys.readouterr().out.splitlines()
    assert line == f"waits for trunk ({socket.gethostname()}:{os.getpid()})"


@pytest.mark.parametrize("moves", [True, False])
def test_a_worker_waits_until_the_owner_of_another_machine_moved_or_is_dead(
    work, tmp_path, monkeypatch, capsys, moves
):
    clock, count = itertools.count(step=4.0), itertools.count()  # four seconds a look
    monkeypatch.setattr(lease, "OBSERVER", lease.Observer(lambda: next(clock)))
    beat = elsewhere(tmp_path / "runs" / "S_2_0") / lease.HEARTBEAT
    monkeypatch.setattr(worker.time, "sleep", lambda _: beat.write_text(f"x {next(count) * moves}"))
    done, out = work(), capsys.readouterr().out.splitlines()
    name = f"S_2_0 ({socket.gethostname()}:1)"
    assert done == ([] if moves else ["S_2_0.2"])
    left = [f"1 runs are left to others: {name}"] * moves
    assert out == [f"waits for {name}", *left]


def test_a_signal_that_comes_while_a_run_is_claimed_leaves_no_claim(work, tmp_path, monkeypatch):
    acquire = attempt.acquire

    def slow(path):
        held = acquire(path)
        os.kill(os.getpid(), signal.SIGTERM)
        return held

    monkeypatch.setattr(attempt, "acquire", slow)
    with pytest.raises(signals.Stopped), signals.handled():
        work()
    assert os.listdir(tmp_path / "runs") == ["S_2_0"]


def test_a_run_that_another_takes_at_that_moment_is_left_to_it(tmp_path, monkeypatch):
    """The other's claim is not there when this worker looks, and is when it claims."""
    other = attempt.acquire(tmp_path / "runs" / plan()[0]["run_id"])
    monkeypatch.setattr(Training, "claimed", at_first({}, Training.claimed))
    run, _ = claim_next(tmp_path, plan())
    assert run["run_id"] == "M_2_0"  # not S_2_1, which the other is compiling
    other.release()


def test_folders_are_looked_at_until_one_can_be_claimed_and_over_ones_once(tmp_path, monkeypatch):
    looked = []
    is_over = Training.is_over
    note = lambda job, run: looked.append(run["run_id"]) or is_over(job, run)  # noqa: E731
    monkeypatch.setattr(Training, "is_over", note)
    for run in plan()[:3]:
        finish(queue.Claimed(run, attempt.acquire(tmp_path / "runs" / run["run_id"])))
    runs = queue_of(tmp_path)
    assert runs.claim_next(set()).run["run_id"] == "M_2_1"
    assert set(looked) == {run["run_id"] for run in plan()[:4]}
    looked.clear()
    assert runs.claim_next(set()).run["run_id"] == "S_1_0"
    assert set(looked) == {"S_1_0"}
