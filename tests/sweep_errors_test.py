"""What a launcher and its workers refuse, in a line, before anything starts."""

import json
import shutil

import pytest

from tests.sweeps_test import claimed, launch, start


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
