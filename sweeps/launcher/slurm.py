"""Runs a plan on Slurm: one job makes the latents, an array of workers shares the runs."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

from vdit.errors import InputError

MAXIMUM_WORKERS = 8
SCRIPT = """#!/bin/bash
#SBATCH --job-name=vdit
#SBATCH --output={logs}/slurm_%A_%a.log
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:TERM@60
# Partition, time, GPUs and account come from SBATCH_PARTITION, SBATCH_TIMELIMIT, SBATCH_GPUS, ...
# The first job makes the latents and measures whether this device trains faster in packs.
# A worker that is told to end gives its run back; another goes on with it from its checkpoint.
cd {here}
if [ "$1" = --prepare ]; then
    {python} -m sweeps.launcher.worker --root {root}{hold_out} --prepare || exit
    exec {python} -m sweeps.launcher.modes --root {root}{hold_out} --workers {workers}
fi
exec {python} -m sweeps.launcher.worker --root {root}{hold_out} "$@"
"""


def submit(root: Path, hold_out: bool, workers: int, options: list[str]) -> list[str]:
    """Writes ROOT/slurm.sh and submits it; returns the two job numbers. Needs `sbatch`.

    `options` are those of the workers.
    """
    (root / "logs").mkdir(exist_ok=True)
    script = write_script(root, hold_out, workers)
    latents = _sbatch("--job-name=vdit-latents", str(script), "--prepare")
    after = ["--array", f"0-{workers - 1}", f"--dependency=afterok:{latents}"]
    return [latents, _sbatch(*after, "--kill-on-invalid-dep=yes", str(script), *options)]


def write_script(root: Path, hold_out: bool, workers: int) -> Path:
    """The batch script of every worker; its paths hold wherever Slurm starts it."""
    path, place = root / "slurm.sh", root.resolve()
    text = SCRIPT.format(
        logs=place / "logs",
        here=shlex.quote(os.getcwd()),
        python=shlex.quote(sys.executable),
        root=shlex.quote(str(place)),
        hold_out=" --hold_out" if hold_out else "",
        workers=workers,
    )
    beside = path.with_name("slurm.sh.part")
    beside.write_text(text)
    os.replace(beside, path)
    return path


def _sbatch(*arguments: str) -> str:
    try:
        done = subprocess.run(["sbatch", "--parsable", *arguments], capture_output=True, text=True)
    except FileNotFoundError:
        raise InputError("--executor slurm: no sbatch on this machine; is it a cluster?") from None
    if done.returncode:
        raise InputError(f"sbatch refused: {done.stderr.strip()}")
    return done.stdout.strip().split(";")[0]
