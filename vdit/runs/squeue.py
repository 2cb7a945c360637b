"""What Slurm says of its jobs, and is given to do, where there is one."""

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Any

from vdit.errors import InputError

ASK_S = 5.0  # of what was asked about, not before so many seconds again
PATIENCE_S = 30.0  # for a controller that does not answer

Job = dict[str, Any]  # of a claim: cluster, job, restarts


def this_job() -> Job | None:
    """The job that this process is in."""
    if "SLURM_JOB_ID" not in os.environ:
        return None
    restarts = int(os.environ.get("SLURM_RESTART_COUNT", 0))
    cluster = os.environ.get("SLURM_CLUSTER_NAME")
    return {"cluster": cluster, "job": os.environ["SLURM_JOB_ID"], "restarts": restarts}


def is_any_queued(numbers: Sequence[str]) -> bool | None:
    """Whether any of these jobs or arrays runs or is to run; None where nobody says."""
    listed = _squeue("JobID", "ArrayJobID")
    return None if listed is None else any(number in row for row in listed for number in numbers)


def requeue_this_job() -> bool:
    """Has this job run again after its end, unless Slurm ends it already (`scancel`, a requeue)."""
    job, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    name = f"{job}_{task}" if task else os.environ.get("SLURM_JOB_ID", "")
    if not name or ["RUNNING"] not in (_squeue("State", jobs=name) or ()):
        return False
    return _answer("scontrol", "requeue", name) is not None


def submit(*arguments: str, script: str | None = None) -> str:
    """Gives `sbatch` a job: a file of `arguments`, or a script; the job's number. `InputError`
    where there is no `sbatch`, or it refuses."""
    command = ["sbatch", "--parsable", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, input=script)
    except FileNotFoundError:
        raise InputError("--executor slurm: no sbatch on this machine; is it a cluster?") from None
    if done.returncode:
        raise InputError(f"sbatch refused: {done.stderr.strip()}")
    return done.stdout.strip().split(";")[0]


class Queue:
    """What one process has heard of the jobs of claims."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock, self._asked = clock, 0.0
        self._ended: dict[tuple[str, int], bool] = {}

    def has_ended(self, job: Job | None) -> bool:
        """Whether a job has certainly ended: Slurm is there and has it no longer, or has started it
        again. Of jobs of another cluster nothing is certain."""
        if job is None or job["cluster"] != os.environ.get("SLURM_CLUSTER_NAME", job["cluster"]):
            return False
        name = job["job"], job["restarts"]
        if name not in self._ended or self._clock() - self._asked >= ASK_S:
            self._ask(name)
        return self._ended[name]

    def _ask(self, name: tuple[str, int]) -> None:
        self._asked, listed = self._clock(), _squeue("JobID", "RestartCnt")
        there = None if listed is None else {(row[0], int(row[1])) for row in listed}
        for each in {*self._ended, name}:
            has_ended = there is not None and each not in there
            self._ended[each] = self._ended.get(each, False) or has_ended


QUEUE = Queue()  # as this process has seen it


def _squeue(*fields: str, jobs: str = "") -> list[list[str]] | None:
    """The fields of each job in the queue, of all users; None where there is no answer."""
    which = [f"--jobs={jobs}"] if jobs else ["--all"]
    listed = ",".join(f"{field}:32" for field in fields)
    answer = _answer("squeue", "--noheader", *which, f"--Format={listed}")
    return None if answer is None else [line.split() for line in answer.splitlines()]


def _answer(*command: str) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    return None if done.returncode else done.stdout
