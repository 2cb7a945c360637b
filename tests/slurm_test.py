"""Sweeps on Slurm, without one: commands in its commands' places say what they were asked."""

import json
import os
import subprocess

import pytest

from sweeps.launcher import slurm
from tests.claims_test import elsewhere
from tests.sweeps_test import REPO, STAND_IN, claimed, launch, start, trained, wait_until
from vdit.runs import claim, squeue

COMMAND = """#!/bin/sh
echo "$(basename "$0") $@" >> "{here}/calls"
cat "{here}/$(basename "$0").out" 2>/dev/null
"""
SBATCH = """#!/bin/sh
echo "sbatch $@" >> "{here}/calls"
case "$*" in *--array*) [ -e "{here}/refuse" ] && echo "no such partition" >&2 && exit 1; esac
echo >> "{here}/count"
echo "4$(wc -l < "{here}/count");cluster"
"""


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """The folder of commands; COMMAND.out is what one answers."""
    here = tmp_path / "bin"
    here.mkdir()
    for name in ("sbatch", "squeue", "scancel", "scontrol"):
        (here / name).write_text((SBATCH if name == "sbatch" else COMMAND).format(here=here))
        (here / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{here}:{os.environ['PATH']}")
    return here


def calls(cluster):
    return (cluster / "calls").read_text().splitlines()


def submit(root, *options):
    return launch(root, "--executor", "slurm", "--workers", 3, *options)


@pytest.mark.parametrize("name", ["a root", "two\nlines; touch {}; #", "100 % 'it'"])
def test_slurm_gets_one_job_for_the_latents_and_then_an_array(cluster, tmp_path, name):
    hostile = tmp_path / "made by a name"
    root = tmp_path / name.format(hostile.name)
    status, out, err = submit(root, "--hold_out")
    assert status == 0, err
    submitted = " ".join(calls(cluster))
    assert "slurm.sh --prepare" in submitted
    assert "--array 0-2 --dependency=afterok:41" in submitted
    assert "/logs/slurm_%A_%a.log" in submitted
    assert "job 41 makes the latents, then 3 workers" in out
    # The script itself is what Slurm runs: run it here.
    script = root / "slurm.sh"
    assert all("root" not in line for line in script.read_text().splitlines() if "#SBATCH" in line)
    environment = os.environ | {"PYTHONPATH": f"{STAND_IN}:{REPO}"}
    subprocess.run(["bash", script, "--prepare"], env=environment, check=True, cwd=tmp_path)
    subprocess.run(["bash", script], env=environment, check=True, cwd=tmp_path)
    assert sum(trained(root).values()) == 4
    assert not hostile.exists()


def test_an_array_that_is_refused_leaves_no_job_for_the_latents(cluster, tmp_path):
    (cluster / "refuse").touch()
    status, _, err = submit(tmp_path / "root")
    assert (status, err) == (2, "error: sbatch refused: no such partition\n")
    assert calls(cluster)[-1] == "scancel 41"
    assert not (tmp_path / "root" / slurm.SUBMISSIONS).exists()


def test_status_says_when_no_job_will_take_what_is_left_and_what_will(cluster, tmp_path):
    root = tmp_path / "a root"
    submit(root)
    (cluster / "squeue.out").write_text("42 42\n")
    _, out, _ = launch(root, module="sweeps.status")
    assert "no job of Slurm" not in out
    (cluster / "squeue.out").write_text("7 7\n")
    _, out, _ = launch(root, module="sweeps.status")
    (line,) = (line for line in out.splitlines() if "no job of Slurm" in line)
    assert line.startswith("6 runs are left and no job of Slurm will take them (42 has ended); go")
    assert f"python -m sweeps.launch --sweep {STAND_IN}/sweeps/stand_in.py: --root '{root}'" in line
    (cluster / "squeue").write_text("#!/bin/sh\nexit 1\n")  # the controller does not answer
    _, out, _ = launch(root, module="sweeps.status")
    assert "no job of Slurm" not in out


def test_a_job_that_is_gone_or_was_started_again_is_proof_of_death(cluster, tmp_path, monkeypatch):
    job = {"cluster": "one", "job": "5", "restarts": 0}
    folder = elsewhere(tmp_path / "run", slurm=job)
    for queue, found in (("5 0", "live"), ("5 1", "dead"), ("6 0", "dead"), ("", "dead")):
        monkeypatch.setattr(squeue, "QUEUE", squeue.Queue())
        (cluster / "squeue.out").write_text(f"{queue}\n" if queue else "")
        assert claim.condition(folder) == found
    monkeypatch.setattr(squeue, "QUEUE", squeue.Queue())
    monkeypatch.setenv("SLURM_CLUSTER_NAME", "another")
    assert claim.condition(folder) == "live"
    monkeypatch.delenv("SLURM_CLUSTER_NAME")
    (cluster / "squeue").unlink()
    monkeypatch.setattr(squeue, "QUEUE", squeue.Queue())
    assert claim.condition(folder) == "live"


def test_slurm_is_asked_once_in_a_while_and_of_a_new_job_at_once(cluster):
    now, jobs = [0.0], [{"cluster": None, "job": str(n), "restarts": 0} for n in range(3)]
    (cluster / "squeue.out").write_text("0 0\n1 0\n")
    queue = squeue.Queue(lambda: now[0])
    assert [queue.has_ended(job) for job in (jobs[0], jobs[1], jobs[0], jobs[1])] == [False] * 4
    assert len(calls(cluster)) == 2
    (cluster / "squeue.out").write_text("1 0\n2 0\n")
    assert not queue.has_ended(jobs[2])  # it was started since
    assert queue.has_ended(jobs[0])
    assert len(calls(cluster)) == 3
    now[0] += squeue.ASK_S
    assert not queue.has_ended(jobs[1])
    assert len(calls(cluster)) == 4


@pytest.mark.parametrize("state", ["RUNNING", "COMPLETING", ""])
def test_a_worker_that_slurm_does_not_end_already_is_queued_again(
    cluster, tmp_path, monkeypatch, state
):
    """At its time limit it runs still; after scancel or a requeue it is completing."""
    launch(tmp_path, "--hold_out", "--set", "seconds=0.1")
    plan = json.loads((tmp_path / "sweep.json").read_text())["runs"]
    launch(tmp_path, "--dry_run")
    for name in ("SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID"):
        monkeypatch.setenv(name, "5")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "2")
    (cluster / "squeue.out").write_text(f"{state}\n")
    assert len(plan) == 6
    worker = start("--root", tmp_path, module="sweeps.launcher.worker")
    wait_until(lambda: claimed(tmp_path))
    worker.terminate()
    worker.communicate()
    assert worker.returncode == 128 + 15
    assert not claimed(tmp_path)
    assert ("scontrol requeue 5_2" in calls(cluster)) == (state == "RUNNING")
