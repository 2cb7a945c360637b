"""Sweeps on a real Slurm, of one machine: whatever it does to the workers, the sweep ends well.

Only with --faults, and where shared/tools/one_node_slurm.sh is. Runs are real, but tiny.
"""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sweeps.launcher import goodput
from sweeps.launcher.plan import read_plan
from sweeps.launcher.state import states_of
from tests.paths import ROOT, SHARED
from tests.sweeps_test import claimed, wait_until
from vdit.runs import claim
from vdit.runs.files import read_json_lines
from vdit.runs.folder import RESULT

TOOL = SHARED / "tools" / "one_node_slurm.sh"
SWEEP = "tests/faults/sweeps/tiny.py"
STEPS = 60
HOST = socket.gethostname().split(".")[0]


@pytest.fixture(scope="module")
def cluster(request, tmp_path_factory):
    """The folder of a Slurm that is up, and in this process's environment."""
    if not request.config.getoption("--faults"):
        pytest.skip("only with --faults")
    if not TOOL.exists():
        pytest.skip("shared/tools/one_node_slurm.sh is not in this clone")
    place = tmp_path_factory.mktemp("slurm")
    environment = os.environ | {"R": str(place)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(place / "slurm.conf"))
        patch.setenv("SBATCH_TIMELIMIT", "10")
        patch.setenv("SBATCH_MEM_PER_NODE", "1500")
        patch.setenv("JAX_PLATFORMS", "cpu")
        try:
            subprocess.run(["bash", TOOL, "up"], env=environment, check=True)
            yield place
        finally:
            subprocess.run(["bash", TOOL, "down"], env=environment, check=True)


def slurm(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def python(*arguments):
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def submit(root, workers):
    """Launches the sweep; returns the number of the array."""
    options = ["--executor", "slurm", "--workers", workers, "--set", f"steps={STEPS}"]
    python("-m", "sweeps.launch", "--sweep", SWEEP, "--root", root, *options)
    return json.loads((root / "slurm.jsonl").read_text().splitlines()[-1])["jobs"][1]


def finished(root):
    return sum("." not in path.parent.name for path in root.glob(f"runs/*/{RESULT}"))


def begun(root):
    """Folders of runs that are in training: a line of metrics is written."""
    return [at for at in claimed(root) if read_json_lines(at / "metrics.jsonl").rows]


def wait_for_training(root, workers=1):
    wait_until(lambda: len(begun(root)) == workers)


def restarts(array):
    """How often the tasks of an array were started again."""
    fields = "--Format=RestartCnt:8"
    return [int(n) for n in slurm("squeue", "-h", "-t", "all", "-r", "-j", array, fields).split()]


def repeated(root):
    """Steps that were trained again."""
    runs = read_plan(root)["runs"]
    found = goodput.goodput_of(root, runs, states_of(root, runs))
    return found.flops["repeated"] * runs[0]["steps"] / runs[0]["flops"]


def saved(root):
    """Steps from which runs went on that a worker had saved as it was told to end."""
    logs = root.glob("runs/*/metrics.jsonl")
    rows = [row for path in logs for row in read_json_lines(path).rows]
    return [row["step"] for row in rows if row.get("resumed") and row["step"]]


def end(root, fault, row, done):
    """Waits for the end of the sweep; nobody does anything for it."""
    wait_until(lambda: finished(root) == 3)
    assert not claimed(root)
    fault(f"Slurm: {row}", done, 1, f"3 of 3 runs finished, {repeated(root):.0f} steps repeated")


def test_a_worker_at_its_time_limit_saves_and_has_itself_queued_again(cluster, tmp_path, fault):
    root = tmp_path / "a root"
    array = submit(root, workers=1)
    wait_for_training(root)
    began = slurm("squeue", "-h", "-j", f"{array}_0", "-o", "%M")  # minutes:seconds
    minutes = int(began.split(":")[0]) + 2
    slurm("scontrol", "update", f"JobId={array}_0", f"TimeLimit={minutes}")
    wait_until(lambda: finished(root) == 3)
    (count,) = restarts(array)
    assert count > 0
    assert repeated(root) == 0
    end(root, fault, "time limit", f"one worker, {minutes} minutes, started again {count} times")


def test_a_cancelled_array_saves_and_status_has_the_command_that_goes_on(cluster, tmp_path, fault):
    array = submit(tmp_path, workers=1)
    wait_for_training(tmp_path)
    slurm("scancel", array)
    wait_until(lambda: not slurm("squeue", "-h"))
    assert not claimed(tmp_path)
    told = python("-m", "sweeps.status", "--root", tmp_path).splitlines()
    (line,) = (line for line in told if "no job of Slurm" in line)
    assert line.startswith(f"{3 - finished(tmp_path)} runs are left and no job of Slurm will take")
    python(*shlex.split(line.partition("go on with: python ")[2]))
    end(tmp_path, fault, "scancel", "the array was cancelled, and status's command given")
    assert repeated(tmp_path) == 0
    assert saved(tmp_path)


def test_a_job_that_is_requeued_saves_and_goes_on(cluster, tmp_path, fault):
    array = submit(tmp_path, workers=1)
    wait_for_training(tmp_path)
    slurm("scontrol", "requeue", f"{array}_0")
    end(tmp_path, fault, "requeue", "scontrol requeue of the one worker")
    assert restarts(array) == [1]
    assert repeated(tmp_path) == 0
    assert saved(tmp_path)


def test_the_run_of_a_killed_worker_is_another_worker_s(cluster, tmp_path, fault):
    submit(tmp_path, workers=2)
    wait_for_training(tmp_path, workers=2)
    os.kill(claim.owner(begun(tmp_path)[0])["pid"], signal.SIGKILL)
    end(tmp_path, fault, "kill -9", "one of two workers was killed")


def test_workers_of_a_drained_node_go_on_to_the_end(cluster, tmp_path, fault):
    submit(tmp_path, workers=2)
    wait_for_training(tmp_path, workers=2)
    slurm("scontrol", "update", f"NodeName={HOST}", "State=DRAIN", "Reason=test")
    try:
        end(tmp_path, fault, "node drain", "the node of two workers was drained")
    finally:
        slurm("scontrol", "update", f"NodeName={HOST}", "State=RESUME")


def test_a_lost_node_s_job_is_started_again_and_takes_its_run_over(cluster, tmp_path, fault):
    array = submit(tmp_path, workers=1)
    wait_for_training(tmp_path)
    worker = claim.owner(begun(tmp_path)[0])["pid"]
    parent = int(Path(f"/proc/{worker}/stat").read_text().split()[3])
    for pid in (int((cluster / "slurmd.pid").read_text()), parent, worker):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: "down" in slurm("sinfo", "-h", "-o", "%T"))
    # As the tool starts it; with its number in that file the tool ends it, too.
    daemon = 'setsid slurmd -D -f "$1/slurm.conf" -N "$2" >"$1/log/again" 2>&1 </dev/null &'
    slurm("bash", "-c", f'{daemon} echo $! >"$1/slurmd.pid"', "bash", str(cluster), HOST)
    end(tmp_path, fault, "node loss", "slurmd, the job's step and its worker were killed at once")
    assert restarts(array) == [1]
