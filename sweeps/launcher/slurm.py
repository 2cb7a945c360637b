"""Workers on Slurm: one job makes the latents, an array of workers shares the runs."""

import os
import shlex
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from sweeps.launcher.job import Job
from sweeps.launcher.local import worker_command
from vdit.errors import InputError
from vdit.runs.files import write_text

MAXIMUM_WORKERS = 8
SCRIPT = """#!/bin/bash
#SBATCH --job-name=vdit
#SBATCH --output={logs}/slurm_%A_%a.log
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:TERM@60
# Partition, time, GPUs and account come from SBATCH_PARTITION, SBATCH_TIMELIMIT, SBATCH_GPUS, ...
# The first job makes the latents and, before training, measures in which mode this device is fast.
# A worker that is told to end gives its run back; another goes on with it from its checkpoint.
cd {here}
if [ "$1" = --prepare ]; then
    {prepare} || exit
    exec {then}
fi
exec {work} "$@"
"""


def submit(
    job: Job, workers: int, options: Sequence[str] = (), then: Sequence[str] = ("true",)
) -> tuple[str, str]:
    """Writes ROOT/slurm.sh and submits it; returns the two job numbers. Needs `sbatch`.

    `options` are those of the workers; `then` is the command that follows when latents are made.
    """
    (job.root / "logs").mkdir(exist_ok=True)
    script = write_script(job, then)
    latents = _sbatch("--job-name=vdit-latents", str(script), "--prepare")
    after = ["--array", f"0-{workers - 1}", f"--dependency=afterok:{latents}"]
    return latents, _sbatch(*after, "--kill-on-invalid-dep=yes", str(script), *options)


def write_script(job: Job, then: Iterable[str]) -> Path:
    """The batch script of every worker; its paths hold wherever Slurm starts it."""
    path, place = job.root / "slurm.sh", job.root.resolve()
    text = SCRIPT.format(
        logs=place / "logs",
        here=shlex.quote(os.getcwd()),
        prepare=shlex.join(worker_command(job, ["--prepare"], place)),
        then=shlex.join(then),
        work=shlex.join(worker_command(job, root=place)),
    )
    write_text(path, text)
    return path


def _sbatch(*arguments: str) -> str:
    try:
        done = subprocess.run(["sbatch", "--parsable", *arguments], capture_output=True, text=True)
    except FileNotFoundError:
        raise InputError("--executor slurm: no sbatch on this machine; is it a cluster?") from None
    if done.returncode:
        raise InputError(f"sbatch refused: {done.stderr.strip()}")
    return done.stdout.strip().split(";")[0]
