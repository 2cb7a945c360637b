"""A folder of videos to a prepared data set: fixed windows in ArrayRecord, split by video.

python -m vdit.prepare --videos DIR --out DIR --frames 16 --size 64 [--executor slurm --workers N]
python -m vdit.prepare --videos DIR --out DIR --frames 16 --size 64 --buckets auto

The same command, started several times on machines that see both folders, shares the work; killed
and started again it goes on.
"""

import argparse
import os
import shlex
import sys

from vdit import errors
from vdit.data.video_folder import flags
from vdit.runs import signals, squeue

SCRIPT = """#!/bin/bash
#SBATCH --job-name=vdit-prepare
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:TERM@60
# At its time limit a job gives back what it has at work, and has itself queued again for the rest.
cd {here}
exec {command}
"""


def main(argv: list[str] | None = None) -> None:
    """Prepares the folder that the flags name, or says that it is there already."""
    argv = sys.argv[1:] if argv is None else argv
    asked = flags.parser().parse_args(argv)
    flags.check(asked)
    if asked.executor == "slurm":
        print(submit(asked, argv))
        return
    # Files are what runs side by side: threads within a product of NumPy would wait, busily.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from vdit.data.video_folder.bucketed import prepare_buckets  # PyAV, SciPy: not for --help
    from vdit.data.video_folder.prepare import prepare
    from vdit.data.video_folder.request import Request

    which = asked.buckets
    del asked.executor, asked.workers, asked.buckets
    try:
        request = Request(**vars(asked))
        prepare(request) if which is None else prepare_buckets(request, which)
    except signals.Stopped:
        if squeue.requeue_this_job():
            print("Slurm starts this job again for the rest", flush=True)
        raise


def submit(asked: argparse.Namespace, argv: list[str]) -> str:
    """Submits an array of jobs of the same command; a line that says so."""
    command = [sys.executable, "-m", "vdit.prepare", *argv, "--executor", "local"]
    script = SCRIPT.format(here=shlex.quote(os.getcwd()), command=shlex.join(command))
    array = squeue.submit("--array", f"0-{asked.workers - 1}", script=script)
    return (
        f"submitted: {asked.workers} jobs share the work as job {array}, logs in "
        f"slurm-{array}_*.out; the same command goes on where these end"
    )


if __name__ == "__main__":
    errors.run(main)
