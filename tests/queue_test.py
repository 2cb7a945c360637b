"""Which run a worker takes next, beside others that hold theirs."""

import os
import socket

from sweeps.launcher import claim, queue, worker
from sweeps.launcher.training import Training


def run_of(size, budget, seed=0):
    run = {"run_id": f"{size}_{budget}_{seed}", "size": size, "batch": 8, "flops_budget": budget}
    return run | {"overrides": {}, "steps": 100, "flops": 1e9}


def plan():
    """As `select` orders it: the largest budget first."""
    return [run_of(size, b, seed) for b in (2, 1) for size in ("S", "M") for seed in (0, 1)]


def claim_next(root, runs, compiled=()):
    return queue.claim_next(Training(root, runs), set(compiled))


def finish(root, claimed):
    (root / "runs" / claimed.run["run_id"] / "result.json").write_text("{}")
    claimed.claim.release()
    return queue.shape(claimed.run)


def test_two_workers_compile_different_shapes_and_keep_to_them(tmp_path):
    compiled, orders = (set(), set()), ([], [])
    at_work = [claim_next(tmp_path, plan(), c) for c in compiled]
    while any(at_work):
        for i, claimed in enumerate(at_work):
            if claimed:
                orders[i].append(claimed.run["run_id"])
                compiled[i].add(finish(tmp_path, claimed))
                at_work[i] = claim_next(tmp_path, plan(), compiled[i])
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
    acquire, first = claim.acquire, tmp_path / "runs" / plan()[0]["run_id"]
    monkeypatch.setattr(claim, "acquire", lambda f: None if f == first else acquire(f))
    run, _ = claim_next(tmp_path, plan())
    assert run["run_id"] == "S_2_1"


def test_a_checkpoint_that_comes_between_two_looks_ends_no_worker(tmp_path, monkeypatch):
    """The branch waits for its trunk at the first look, and at no later one."""
    looks = iter(["trunk"])
    monkeypatch.setattr(Training, "waits_for", lambda *_: next(looks, ""))
    monkeypatch.setattr(worker, "POLL_S", 0)
    run, _ = worker.wait_for_next(Training(tmp_path, plan()[:1]), set(), os.getppid())
    assert run["run_id"] == "S_2_0"


def test_a_worker_that_waits_says_for_whom(tmp_path, monkeypatch, capsys):
    looks = iter(["trunk"] * 5)  # two a round: before it claims and as it claims
    monkeypatch.setattr(Training, "waits_for", lambda *_: next(looks, ""))
    monkeypatch.setattr(worker, "POLL_S", 0)
    held = claim.acquire(tmp_path / "runs" / "trunk")
    assert worker.wait_for_next(Training(tmp_path, plan()[:1]), set(), os.getppid())
    held.release()
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"waits for trunk trunk (claimed on {socket.gethostname()}); if")


def test_a_run_that_another_takes_at_that_moment_is_left_to_it(tmp_path, monkeypatch):
    """The other's claim is not there when this worker looks, and is when it claims."""
    blind, seen = iter([False]), claim.is_live
    first = tmp_path / "runs" / plan()[0]["run_id"]
    other = claim.acquire(first)
    monkeypatch.setattr(claim, "is_live", lambda f: next(blind, True) if f == first else seen(f))
    run, _ = claim_next(tmp_path, plan())
    assert run["run_id"] == "M_2_0"  # not S_2_1, which the other is compiling
    other.release()
