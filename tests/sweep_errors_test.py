"""What a launcher and its workers refuse, in a line, before anything starts."""

import json
import shutil
import subprocess
import sys

import pytest

from tests.sweeps_test import REPO, STAND_IN, claimed, launch, once_each, start, trained


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--set", "model.widht=1"], "unknown config key model.widht"),
        (["--set", "batch=4000"], "size tiny: a budget of 1e+06 FLOPs is 1 steps"),
        (["--workers", "0"], "--workers 0: expected 1 or more"),
        (["--executor", "slurm"], "no sbatch on this machine"),
    ],
)
def test_errors_are_one_line_and_nothing_starts(tmp_path, options, message):
    if "slurm" in options and shutil.which("sbatch"):
        pytest.skip("this machine has sbatch")
    status, _, err = launch(tmp_path / "root", *options)
    assert status == 2
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err
    assert not (tmp_path / "root" / "runs").exists()


def test_missing_files_and_foreign_roots_are_refused(tmp_path):
    status, _, err = launch(tmp_path / "none", module="sweeps.status")
    assert (status, err.count("\n")) == (2, 1)
    process = start("--sweep", "sweeps/nothing.py", "--root", tmp_path)
    assert process.communicate()[1] == "error: sweeps/nothing.py: no such file\n"
    (tmp_path / "sweep.json").write_text(json.dumps({"sweep": "other", "runs": []}))
    status, _, err = launch(tmp_path)
    assert status == 2
    assert "holds the sweep 'other'" in err


@pytest.mark.parametrize("older", [True, False])
def test_a_worker_refuses_a_plan_of_other_code(tmp_path, older):
    launch(tmp_path, "--hold_out")
    plan = json.loads((tmp_path / "sweep.json").read_text())
    if older:
        del plan["runs"][-1]["config"]
    else:
        plan["runs"][-1]["config"]["seed"] = 7
    (tmp_path / "sweep.json").write_text(json.dumps(plan))
    status, _, err = launch(tmp_path, module="sweeps.launcher.worker")
    assert status == 2
    assert err.startswith("error: sweep.json")
    assert err.endswith("; launch it again\n")
    assert err.count("\n") == 1
    assert not claimed(tmp_path)


def test_workers_read_the_plan_and_neither_sweep_nor_experiment(tmp_path):
    sweeps, experiments = tmp_path / "sweeps", tmp_path / "experiments"
    shutil.copytree(STAND_IN / "sweeps", sweeps)
    shutil.copytree(STAND_IN / "experiments", experiments)
    root = tmp_path / "root"
    start("--sweep", sweeps / "stand_in.py", "--root", root, "--hold_out").communicate()
    assert len(trained(root)) == 4
    shutil.rmtree(experiments)
    shutil.rmtree(sweeps)
    status, _, err = launch(root, module="sweeps.launcher.worker")
    assert status == 0, err
    assert trained(root) == once_each(root)


def test_launchers_and_workers_start_without_numpy():
    """A sweep starts many processes, and it was a third of what that took."""
    modules = "sweeps.launch, sweeps.status, sweeps.launcher.worker, sweeps.launcher.evaluate"
    code = f"import sys, {modules}; print('numpy' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPO)
    assert found.stdout == "False\n", found.stderr
