"""Evaluating a sweep with real launchers and workers, who take no time: see `stand_in`."""

import collections
import json
import os
import signal
import subprocess
from types import MappingProxyType

import pytest

from sweeps.launcher import plan
from tests.sweeps_test import HANGS_S, REPO, STAND_IN, launch, once_each, start, trained, wait_until
from vdit.runs import attempt, claim, evaluations

EVALUATE = "sweeps.launcher.evaluate"
FAIL = ("--set", 'evaluators={"losses": {}, "worlds": {"fail": True}}')


def evaluate(root, *options):
    return launch(root, *options, module=EVALUATE)


def measured(root, word="evaluated"):
    """How often each checkpoint was measured: {RUN@STEP:EVALUATOR: times}."""
    return trained(root, word)


def all_of(root, *evaluators, steps=MappingProxyType({})):
    """Each run's last checkpoint, or those of the steps, by each evaluator: once."""
    runs = plan.read_plan(root)["runs"]
    return collections.Counter(
        f"{run['run_id']}@{step}:{name}"
        for run in runs
        for step in steps.get(run["run_id"], [run["steps"]])
        for name in evaluators
    )


def add(root, **evaluators):
    """Launches again with other evaluators of the config."""
    given = ["--set", f"evaluators={evaluators}"]
    status, out, err = launch(root, *given)
    assert status == 0, err
    return out


def claimed(root):
    """What somebody has claimed: folders in those of finished runs, and these themselves."""
    return [*root.glob("runs/*/evaluating.*"), *root.glob("runs/*.*")]


def records(root):
    """What was found of each run, by its evaluators."""
    found = {
        run["run_id"]: evaluations.read(root / "runs" / run["run_id"], run["steps"])["evaluators"]
        for run in plan.read_plan(root)["runs"]
    }
    return {(run, name): one["records"] for run in found for name, one in found[run].items()}


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory):
    root = tmp_path_factory.mktemp("trained") / "root"
    status, _, err = launch(root)
    assert status == 0, err
    return root


@pytest.fixture
def root(trained_once, tmp_path):
    """A sweep of six finished runs, of which nothing is measured."""
    subprocess.run(["cp", "-r", str(trained_once), str(tmp_path / "root")], check=True)
    return tmp_path / "root"


def test_a_finished_sweep_is_evaluated_once(root):
    status, out, err = evaluate(root)
    assert status == 0, err
    assert "6 of 6 runs are evaluated" in out
    assert out.count("  1 checkpoint evaluated") == 6
    assert measured(root) == all_of(root, "losses")
    for run in plan.read_plan(root)["runs"]:
        found = evaluations.read(root / "runs" / run["run_id"], run["steps"])
        assert list(found["evaluators"]) == ["losses"]
    assert not claimed(root)
    status, out, _ = evaluate(root)
    assert (status, measured(root)) == (0, all_of(root, "losses"))
    _, out, _ = launch(root, module="sweeps.status")
    assert "6 of 6 checkpoints are evaluated" in out


def test_best_evaluates_one_size_of_each_budget(root):
    runs = plan.read_plan(root)["runs"]
    lowest = {}
    for loss, run in enumerate(runs):
        path = root / "runs" / run["run_id"] / "result.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"loss_ema": -float(loss)}))
        lowest[run["flops_budget"]] = run["run_id"]
    status, _, err = evaluate(root, "--best")
    assert status == 0, err
    assert {name.split("@")[0] for name in measured(root)} == set(lowest.values())


def test_two_launchers_evaluate_each_checkpoint_once(root):
    both = [start("--root", root, module=EVALUATE) for _ in range(2)]
    ends = [process.communicate(timeout=HANGS_S) for process in both]
    assert [process.returncode for process in both] == [0, 0], ends
    assert measured(root, "evaluate") == measured(root) == all_of(root, "losses")
    assert all("6 of 6 runs are evaluated" in out for out, _ in ends)


def test_an_evaluator_that_is_added_measures_what_it_has_not_and_trains_nothing(root):
    evaluate(root)
    add(root, losses={}, worlds={"clips": 4})
    assert trained(root) == once_each(root)
    status, _, err = evaluate(root)
    assert status == 0, err
    assert measured(root) == all_of(root, "losses", "worlds")
    add(root, losses={}, worlds={"clips": 8})  # other options are another measurement
    evaluate(root)
    twice = all_of(root, "worlds")
    assert measured(root) == all_of(root, "losses") + twice + twice


def test_only_names_evaluators_and_takes_the_config_s_options(root):
    add(root, losses={}, worlds={"clips": 4})
    status, _, err = evaluate(root, "--only", "worlds")
    assert status == 0, err
    assert measured(root) == all_of(root, "worlds")
    evaluate(root, "--only", "worlds, continuation")
    assert measured(root) == all_of(root, "worlds", "continuation")
    (found, *_) = (json.loads(p.read_text()) for p in root.glob("runs/*/evaluations/*.json"))
    assert found["evaluators"]["worlds"]["options"] == {"clips": 4}
    assert found["evaluators"]["continuation"]["options"] == {"clips": 8}
    evaluate(root, "--only", "worlds", "--clips", 12)
    (found, *_) = (json.loads(p.read_text()) for p in root.glob("runs/*/evaluations/*.json"))
    assert found["evaluators"]["worlds"]["options"] == {"clips": 12}


def test_all_takes_every_kept_checkpoint_of_unfinished_runs_too(tmp_path):
    launch(tmp_path, "--set", "sweep.branch=True")
    runs = {run["run_id"]: run for run in plan.read_plan(tmp_path)["runs"]}
    kept = {n: {*r["overrides"].get("checkpoint_at", ()), r["steps"]} for n, r in runs.items()}
    unfinished, at_work = (name for name, steps in kept.items() if len(steps) > 1)
    for name in (unfinished, at_work):
        (tmp_path / "runs" / name / "result.json").unlink()
    held = attempt.acquire(tmp_path / "runs" / at_work)
    status, out, err = evaluate(tmp_path)
    assert status == 0, err
    assert "6 of 6 runs are evaluated" in out
    status, out, err = evaluate(tmp_path, "--all")
    held.release()
    assert status == 0, err
    assert "7 of 7 runs are evaluated" in out
    assert measured(tmp_path) == all_of(tmp_path, "losses", steps=kept | {at_work: ()})


def test_a_killed_worker_and_its_launcher_are_taken_over(root, tmp_path):
    add(root, losses={}, worlds={"seconds": 0.5})
    subprocess.run(["cp", "-r", str(root), str(tmp_path / "by_one")], check=True)
    process = start("--root", root, "--workers", 1, module=EVALUATE)
    wait_until(lambda: len(measured(root)) >= 2)
    process.kill()
    process.communicate()
    owners = []  # a claim is taken before it is signed
    wait_until(lambda: owners.extend(filter(None, map(claim.owner, claimed(root)))) or owners)
    os.kill(owners[0]["pid"], signal.SIGKILL)
    status, out, err = evaluate(root, "--workers", 2)
    assert status == 0, err
    assert "6 of 6 runs are evaluated" in out
    assert measured(root) == all_of(root, "losses", "worlds")
    assert not claimed(root)
    status, _, err = evaluate(tmp_path / "by_one", "--workers", 1)
    assert (status, records(root)) == (0, records(tmp_path / "by_one")), err


def test_an_evaluator_that_fails_is_named_and_tried_again_and_others_are_measured(root):
    launch(root, *FAIL)
    status, out, err = evaluate(root)
    assert status == 1, err
    failed = [line for line in out.splitlines() if line.startswith("failed: ")]
    assert len(failed) == 6
    assert failed[0].endswith("worlds: ValueError: no clip to be seen")
    assert "0 of 6 runs are evaluated" in out
    assert measured(root) == all_of(root, "losses")
    (failure, *_) = (json.loads(p.read_text()) for p in root.glob("runs/*/evaluation_failed.json"))
    assert failure.keys() == {"run_id", "exception", "traceback", "time"}
    assert "in evaluate_run" in failure["traceback"]
    _, out, _ = launch(root, module="sweeps.status")
    assert out.count("not evaluated: worlds: ValueError: no clip to be seen") == 6
    add(root, losses={}, worlds={})  # mended: the next command tries it again
    status, _, err = evaluate(root)
    assert status == 0, err
    assert measured(root) == all_of(root, "losses", "worlds")
    assert not list(root.glob("runs/*/evaluation_failed.json"))


def test_an_evaluator_that_kills_its_workers_fails_in_the_end(root):
    add(root, losses={"die": True})
    status, out, _ = evaluate(root)
    assert status == 1
    assert out.count("3 workers were killed in this run") >= 6
    assert set(measured(root, "evaluate").values()) == {3}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--only", "lossses"], "evaluator 'lossses': expected one of"),
        (["--workers", "0"], "--workers 0: expected 1 or more"),
    ],
)
def test_errors_are_one_line_and_nothing_starts(root, options, message):
    status, out, err = evaluate(root, *options)
    assert (status, out) == (2, "")
    assert err.startswith(f"error: {message}")
    assert err.count("\n") == 1


def test_slurm_gets_the_evaluation(root, tmp_path, monkeypatch):
    sbatch = tmp_path / "bin" / "sbatch"
    sbatch.parent.mkdir()
    sbatch.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\necho 7\n')
    sbatch.chmod(0o755)
    monkeypatch.setenv("PATH", f"{sbatch.parent}:{os.environ['PATH']}")
    status, _, err = evaluate(root, "--executor", "slurm", "--workers", 2, "--only", "losses")
    assert status == 0, err
    latents, array = (tmp_path / "calls").read_text().splitlines()
    assert latents.endswith("slurm.sh --prepare")
    assert "--array 0-1 --dependency=afterok:7" in array
    script = root / "slurm.sh"
    worker = f"-m sweeps.launcher.worker --root {root} --evaluate --only losses"
    assert script.read_text().count(f'{worker} "$@"') == 1
    environment = os.environ | {"PYTHONPATH": f"{STAND_IN}:{REPO}"}
    subprocess.run(["bash", str(script), "--prepare"], env=environment, check=True)
    assert not measured(root)
    subprocess.run(["bash", str(script)], env=environment, check=True)
    assert measured(root) == all_of(root, "losses")


def test_a_plan_of_older_code_is_evaluated_as_its_runs_ask(root):
    """Its runs have no config in the plan, but each has its own in its folder."""
    old = plan.read_plan(root)
    for run in old["runs"]:
        del run["config"]
    (root / plan.PLAN).write_text(json.dumps(old))
    status, _, err = evaluate(root, "--only", "losses")
    assert status == 0, err
    assert measured(root) == all_of(root, "losses")
