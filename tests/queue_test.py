"""Which run a worker takes next, beside others that hold theirs."""

import os
import socket

from sweeps.launcher import claim, queue, worker


def run_of(size, budget, seed=0):
    run = {"run_id": f"{size}_{budget}_{seed}", "size": size, "batch": 8, "flops_budget": budget}
    return run | {"overrides": {}, "steps": 100, "flops": 1e9}


def plan():
    """As `select` orders it: the largest budget first."""
    return [run_of(size, b, seed) for b in (2, 1) for size in ("S", "M") for seed in (0, 1)]


def finish(root, taken):
    run, held = taken
    (queue.run_folder(root, run) / queue.RESULT).write_text("{}")
    held.release()
    return queue.shape(run)


def test_two_workers_compile_different_shapes_and_keep_to_them(tmp_path):
    compiled, orders = ({}, {}), ([], [])
    at_work = [queue.take_next(tmp_path, plan(), set(c)) for c in compiled]
    while any(at_work):
        for i, taken in enumerate(at_work):
            if taken:
                orders[i].append(taken[0]["run_id"])
                compiled[i][finish(tmp_path, taken)] = True
                at_work[i] = queue.take_next(tmp_path, plan(), set(compiled[i]))
    assert orders[0] == ["S_2_0", "S_2_1", "S_1_0", "S_1_1"]
    assert orders[1] == ["M_2_0", "M_2_1", "M_1_0", "M_1_1"]


def test_no_worker_stands_idle_for_the_sake_of_a_cache(tmp_path):
    runs = [run_of("S", 2, seed) for seed in range(3)]
    taken = [queue.take_next(tmp_path, runs, set()) for _ in range(4)]
    assert taken[3] is None
    assert [t[0]["run_id"] for t in taken[:3]] == ["S_2_0", "S_2_1", "S_2_2"]


def test_a_longer_run_comes_before_one_that_is_compiled(tmp_path):
    run, _ = queue.take_next(tmp_path, plan()[2:], {("S", 8)})
    assert run["run_id"] == "M_2_0"


def test_a_shape_that_is_compiled_here_comes_first(tmp_path):
    run, _ = queue.take_next(tmp_path, plan(), {("M", 8)})
    assert run["run_id"] == "M_2_0"


def test_a_run_that_cannot_be_claimed_is_left_out(tmp_path, monkeypatch):
    """As when another looks at a stale claim at the same moment: nobody has it at work."""
    take, first = claim.take, queue.run_folder(tmp_path, plan()[0])
    monkeypatch.setattr(claim, "take", lambda f: None if f == first else take(f))
    run, _ = queue.take_next(tmp_path, plan(), set())
    assert run["run_id"] == "S_2_1"


def test_a_checkpoint_that_comes_between_two_looks_ends_no_worker(tmp_path, monkeypatch):
    """The branch waits for its trunk at the first look, and at no later one."""
    looks = iter([True])
    monkeypatch.setattr(queue, "must_wait", lambda *_: next(looks, False))
    monkeypatch.setattr(worker, "POLL_S", 0)
    run, _ = worker._wait_for_next(tmp_path, plan()[:1], set(), os.getppid())
    assert run["run_id"] == "S_2_0"


def test_a_worker_that_waits_says_for_whom(tmp_path, monkeypatch, capsys):
    looks = iter([True] * 5)  # two a round: before it takes and as it takes
    branch = plan()[0] | {"overrides": {"trunk.run": "trunk", "trunk.step": 50}}
    monkeypatch.setattr(queue, "must_wait", lambda *_: next(looks, False))
    monkeypatch.setattr(worker, "POLL_S", 0)
    held = claim.take(tmp_path / "runs" / "trunk")
    assert worker._wait_for_next(tmp_path, [branch], set(), os.getppid())
    held.release()
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"waits for trunk trunk (claimed on {socket.gethostname()}); if")


def test_a_run_that_another_takes_at_that_moment_is_left_to_it(tmp_path, monkeypatch):
    """The other's claim is not there when this worker looks, and is when it takes."""
    blind, seen = iter([False]), claim.is_live
    first = queue.run_folder(tmp_path, plan()[0])
    other = claim.take(first)
    monkeypatch.setattr(claim, "is_live", lambda f: next(blind, True) if f == first else seen(f))
    run, _ = queue.take_next(tmp_path, plan(), set())
    assert run["run_id"] == "M_2_0"  # not S_2_1, which the other is compiling
    other.release()
