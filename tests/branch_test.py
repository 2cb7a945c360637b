"""One trunk, many budgets: what becomes of a sweep's cells, and who waits for whom."""

import collections
import json
import math
import os
import shutil
import signal
import time

import pytest
from ml_collections import ConfigDict

from sweeps.launcher import branch, plan
from tests.paths import ROOT
from tests.sweeps_test import HANGS_S, SWEEP, claimed, launch, start, trained, wait_until
from vdit.errors import InputError
from vdit.runs import attempt, claim
from vdit.runs.folder import find

BASE = ConfigDict(
    {"steps": 50, "optimizer": {"lr": 1e-3, "warmup": 0.05, "decay": 0.2, "schedule": "cosine"}}
)


def cell(steps, lr, size="a", **more):
    return {
        "model.size": size,
        "steps": steps,
        "flops_budget": 1.0 * steps,
        "optimizer.lr": lr,
    } | more


def grow(*cells):
    return list(branch.branched(cells, BASE, lambda made: f"of {made['steps']}"))


def test_cells_that_differ_in_budget_become_a_trunk_and_branches():
    trunk, *branches = grow(cell(100, 4e-3), cell(400, 1e-3), cell(200, 2e-3))
    assert trunk["steps"] == 320
    assert trunk["checkpoint_at"] == (80, 160, 320)
    assert trunk["flops_budget"] == trunk["optimizer.decay"] == 0
    assert [b["steps"] for b in branches] == [100, 400, 200]
    assert [b["trunk.step"] for b in branches] == [80, 320, 160]
    assert [b["flops_budget"] for b in branches] == [100, 400, 200]
    for made in (trunk, *branches):
        assert made["optimizer.schedule"] == "wsd"
        assert made["optimizer.lr"] == 1e-3
        assert made["steps"] * made.get("optimizer.warmup", 0.05) == pytest.approx(5)
    assert {b["trunk.run"] for b in branches} == {"of 320"}
    assert "trunk.run" not in trunk


def test_other_seeds_share_the_schedule_and_other_sizes_nothing():
    made = grow(cell(100, 4e-3), cell(400, 1e-3), cell(400, 1e-3, seed=1), cell(100, 7e-3, "b"))
    assert len(made) == 5
    branches = [m for m in made if m.get("trunk.run")]
    assert [m["steps"] for m in branches] == [100, 400]
    (alone,) = (m for m in made if m.get("seed") == 1)
    ignored = ("trunk.run", "trunk.step", "seed")
    assert {k: v for k, v in branches[1].items() if k not in ignored} == {
        k: v for k, v in alone.items() if k not in ignored
    }
    (other,) = (m for m in made if m["model.size"] == "b")
    assert other == cell(100, 7e-3, "b") | {"optimizer.schedule": "wsd"}


def test_each_seed_has_a_trunk():
    made = grow(*(cell(n, 1e-3, seed=s) for n in (100, 200) for s in (0, 1)))
    assert [m["seed"] for m in made if "checkpoint_at" in m] == [0, 1]
    assert len(made) == 6


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (
            [cell(100, 1e-3), cell(100, 2e-3)],
            "runs of 100 steps have learning rates 0.001 and 0.00",
        ),
        ([cell(100, 1e-3), cell(200, 1e-3, "b")], "no two runs of this sweep differ in their bud"),
    ],
)
def test_a_sweep_that_cannot_share_is_refused(cells, message):
    with pytest.raises(InputError, match=message):
        grow(*cells)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    return plan.make_plan(str(ROOT / "sweeps" / "demo.py"), root, ["sweep.branch=True"])


def test_the_demo_branches_and_spends_two_thirds(demo):
    whole = sum(run["flops"] for run in demo["runs"] if run["flops_budget"])
    spent = sum(run["flops"] * branch.own_share(run) for run in demo["runs"])
    assert 0.6 < spent / whole < 0.7
    ids = {run["run_id"] for run in demo["runs"]}
    assert len(ids) == len(demo["runs"]) == 28 + 6
    assert {branch.trunk_of(run)[0] for run in demo["runs"]} - ids == {""}


def test_the_measuring_sweep_compares_equal_budgets(tmp_path):
    path = str(ROOT / "sweeps" / "branches.py")
    whole = plan.make_plan(path, tmp_path, [])["runs"]
    grown = plan.make_plan(path, tmp_path, ["sweep.branch=True"])["runs"]
    assert (len(whole), len(grown)) == (48, 24 + 6)
    per_budget = collections.Counter((run["size"], run["flops_budget"]) for run in whole)
    assert set(per_budget.values()) == {6}  # two schedules, three seeds
    budgets = collections.Counter(run["flops_budget"] for run in grown if run["flops_budget"])
    assert list(budgets.values()) == [6] * 4


def test_trunks_come_before_the_branches_that_cost_less(demo):
    order = plan.select(demo)
    assert all(run["overrides"].get("checkpoint_at") for run in order[:4])
    assert [run["flops_budget"] for run in order[:4]] == [0] * 4
    costs = [plan.cost(run) for run in order]
    assert costs == sorted(costs, reverse=True)
    largest = [plan.cost(run) for run in order if run["flops_budget"] == 32 * 3e10]
    assert len(set(largest)) == 1  # sizes of one budget stay together


def test_hold_out_leaves_out_branches_and_keeps_their_trunks(demo):
    kept = plan.select(demo, plan.up_to(demo, True, math.inf))
    assert max(run["flops_budget"] for run in kept) == 16 * 3e10
    assert sum("checkpoint_at" in run["overrides"] for run in kept) == 6


def test_a_plan_read_back_has_the_configs_of_trunks_and_branches(demo, tmp_path):
    plan.write_plan(tmp_path, demo)
    for run in plan.read_plan(tmp_path)["runs"]:
        config = plan.config_of(run)
        assert (config.trunk.run, config.trunk.step) == branch.trunk_of(run)
        assert tuple(config.checkpoint_at) == tuple(run["overrides"].get("checkpoint_at", ()))


# --- with real processes, and a trainer that takes no time ---------------------------------------


BRANCH = ("--set", "sweep.branch=True")


def begun(root):
    """Run folders in the order in which they were begun."""
    lines = [line.split() for line in (root / "trained.txt").read_text().splitlines()]
    return [line[1] for line in lines if line[0] == "begin"]


def plans(root):
    return json.loads((root / "sweep.json").read_text())["runs"]


def trunks(root):
    return [run["run_id"] for run in plans(root) if "checkpoint_at" in run["overrides"]]


def test_a_branched_sweep_ends_and_every_branch_had_its_checkpoint(tmp_path):
    status, out, err = launch(tmp_path, *BRANCH, "--workers", 2)
    assert status == 0, err
    assert "8 of 8 runs are finished" in out
    assert set(begun(tmp_path)[:2]) == set(trunks(tmp_path))
    assert trained(tmp_path) == collections.Counter(run["run_id"] for run in plans(tmp_path))
    _, out, _ = launch(tmp_path, module="sweeps.status")
    assert out.splitlines()[0].split()[-1] == "from"
    assert f"{trunks(tmp_path)[0]}@2500" in out
    assert "8 runs: 8 finished; 100% of the FLOPs are done" in out


def test_dry_run_counts_what_is_shared_once(tmp_path):
    _, out, _ = launch(tmp_path / "root", "--dry_run", *BRANCH)
    assert "8 runs, 9.2e+06 FLOPs" in out  # 0.8 of 4e6 and 0.2 of 7e6, for two sizes
    assert sum(line.endswith("trunk") for line in out.splitlines()) == 2
    assert sum("@" in line for line in out.splitlines()) == 6


def test_branches_wait_for_a_trunk_whose_worker_was_killed(tmp_path):
    options = ["--sweep", SWEEP, "--root", tmp_path, *BRANCH, "--set", "seconds=2"]
    process = start(*options, "--workers", 2)
    wait_until(lambda: len(trained(tmp_path, "begin")) == 2)
    victim = trunks(tmp_path)[0]
    os.kill(claim.owner(find(tmp_path / "runs" / victim))["pid"], signal.SIGKILL)
    out, err = process.communicate(timeout=HANGS_S)
    assert process.returncode == 0, err
    assert "ended by signal 9" in out
    assert "8 of 8 runs are finished" in out
    assert trained(tmp_path) == collections.Counter(run["run_id"] for run in plans(tmp_path))
    assert trained(tmp_path, "begin")[victim] == 2


def test_a_worker_waits_for_the_trunks_of_others_and_takes_what_they_leave(tmp_path):
    launch(tmp_path, *BRANCH, "--set", "seconds=0.1")
    for path in (*tmp_path.glob("runs/*/result.json"), tmp_path / "trained.txt"):
        path.unlink()
    folders = [tmp_path / "runs" / name for name in trunks(tmp_path)]
    for saved in (path for folder in folders for path in folder.glob("checkpoints/*")):
        shutil.rmtree(saved)
    held = [attempt.acquire(folder) for folder in folders]
    process = start("--root", tmp_path, module="sweeps.launcher.worker")
    time.sleep(2)
    assert process.poll() is None
    assert not trained(tmp_path, "begin")
    for mine in held:
        mine.release()
    _, err = process.communicate(timeout=HANGS_S)
    assert process.returncode == 0, err
    assert sum(trained(tmp_path).values()) == 8


def test_a_failed_trunk_fails_the_branches_that_it_left_nothing(tmp_path):
    status, out, _ = launch(tmp_path, *BRANCH, "--set", "act=fail trunk")
    assert status == 1
    assert "2 of 8 runs are finished" in out  # those that leave before the trunk failed
    failed = [line for line in out.splitlines() if line.startswith("failed: ")]
    assert len(failed) == 6
    assert sum("no checkpoint of step" in line for line in failed) == 4
    assert all("FloatingPointError: loss is nan at step" in line for line in failed)
    assert not claimed(tmp_path)
