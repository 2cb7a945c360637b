"""Workers on Slurm: one job makes the latents, an array of workers shares the runs."""

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from sweeps.launcher.job import Job
from sweeps.launcher.local import worker_command
from vdit.errors import InputError
from vdit.runs import squeue
from vdit.runs.files import JsonLines, read_json_lines, write_text

MAXIMUM_WORKERS = 8
SUBMISSIONS = "slurm.jsonl"
SCRIPT = """#!/bin/bash
#SBATCH --job-name=vdit
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:TERM@60
# Partition, time, GPUs and account come from SBATCH_PARTITION, SBATCH_TIMELIMIT, SBATCH_GPUS, ...
# The first job, --prepare, makes the latents. A worker that is told to end saves its run and gives
# it back; at its time limit it has itself queued again for the rest. One that is killed leaves its
# run to the others.
cd {here}
exec {work} "$@"
"""


def submit(job: Job, workers: int, module: str, options: Sequence[str] = ()) -> tuple[str, str]:
    """Writes ROOT/slurm.sh and submits it; returns the two job numbers. Needs `sbatch`.

    `module` is the command that was called, and `options` are those of the workers.
    """
    (job.root / "logs").mkdir(exist_ok=True)
    # Where the names of logs are given, % has a meaning.
    script, logs = str(write_script(job)), f"{job.root.resolve()}/logs/slurm".replace("%", "%%")
    first = ["--job-name=vdit-latents", f"--output={logs}_%j.log", script, "--prepare"]
    latents = squeue.submit(*first)
    after = ["--array", f"0-{workers - 1}", f"--dependency=afterok:{latents}"]
    after += ["--kill-on-invalid-dep=yes", f"--output={logs}_%A_%a.log"]
    try:
        array = squeue.submit(*after, script, *options)
    except InputError:
        subprocess.run(["scancel", latents])
        raise
    command = shlex.join(["python", "-m", module, *sys.argv[1:]])
    submissions = JsonLines(job.root / SUBMISSIONS)
    submissions.write({"jobs": [latents, array], "command": command, "to_be": job.result})
    submissions.close()
    return latents, array


def unattended(root: Path, left: int, to_be: str) -> list[str]:
    """A line where runs are left that no job of Slurm will take, and the command that will."""
    rows = [row for row in read_json_lines(root / SUBMISSIONS).rows if row["to_be"] == to_be]
    numbers = [number for row in rows for number in row["jobs"]]
    if not left or not rows or squeue.is_any_queued(numbers) is not False:
        return []
    ended = f"{left} runs are left and no job of Slurm will take them ({numbers[-1]} has ended)"
    return [f"{ended}; go on with: {rows[-1]['command']}"]


def write_script(job: Job) -> Path:
    """The batch script of every worker; its paths hold wherever Slurm starts it."""
    path, place = job.root / "slurm.sh", job.root.resolve()
    text = SCRIPT.format(
        here=shlex.quote(os.getcwd()),
        work=shlex.join(worker_command(job, root=place)),
    )
    write_text(path, text)
    return path
