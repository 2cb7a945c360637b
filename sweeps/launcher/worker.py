"""One worker: claims runs and does its job with one after another, so start-up is paid once."""

import argparse
import fcntl
import functools
import json
import os
import signal
import sys
import time
from pathlib import Path

from sweeps.launcher import claim, measure, modes, queue
from sweeps.launcher.evaluation import Evaluation
from sweeps.launcher.job import Job
from sweeps.launcher.local import TERMINATED
from sweeps.launcher.packs import Claimed
from sweeps.launcher.plan import read_plan, select
from sweeps.launcher.training import Training
from sweeps.launcher.worker_log import WorkerLog
from vdit import errors, evaluators
from vdit.config.fingerprint import fingerprint

POLL_S = 0.5  # between two looks for a trunk's checkpoint


def work(job: Job) -> None:
    """Claims runs and does the job with them until none can be claimed."""
    launcher, compiled, log = os.getppid(), set(), WorkerLog(job.root)
    log.write("start")
    # An orphan ends its run and stops: its launcher was killed and someone may want the cores.
    while os.getppid() == launcher and (first := wait_for_next(job, compiled, launcher)):
        pack = job.gather(first, functools.partial(queue.claim_run, job))
        names = [each.run["run_id"] for each in pack.claimed]
        log.write("begin", names)
        idle = 0
        try:
            idle = job.do(pack)
        finally:
            log.write("end", names, idle_steps=idle)
            for each in pack.claimed:
                each.claim.release()
        compiled.add(queue.shape(first.run))
    log.write("exit")


def wait_for_next(job: Job, compiled: set[tuple[str, int]], launcher: int) -> Claimed | None:
    """`claim_next`, again and again while all that is left begins in trunks of other workers."""
    announced = False
    while True:
        # Asked before claiming: a checkpoint that comes in between is found by the next look.
        trunks = {job.waits_for(run) for run in job.runs if not job.is_over(run)} - {""}
        claimed = queue.claim_next(job, compiled)
        if claimed or not trunks or os.getppid() != launcher:
            return claimed
        if not announced:
            print(f"waits for {_owners(job.root, trunks)}", flush=True)
        announced = True
        time.sleep(POLL_S)


def _owners(root: Path, trunks: set[str]) -> str:
    """Trunks and who has them: of another machine it cannot be told whether it still lives."""
    owners = {name: claim.owner(root / "runs" / name) or {} for name in sorted(trunks)}
    parts = [f"trunk {name} (claimed on {o.get('host', '?')})" for name, o in owners.items()]
    return f"{', '.join(parts)}; if that machine is gone, delete the file claim in the run's folder"


def prepare(job: Job) -> None:
    """Encodes the latents that the runs read, once for each data set and autoencoder."""
    from vdit.data import latents

    made = set()
    with open(job.root / "prepare.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second launcher waits here and then finds them made
        for run in (run for run in job.runs if not job.is_over(run)):
            config = job.config(run)
            parts = {key: config[key].to_dict() for key in ("data", "autoencoder")}
            source = fingerprint(parts | {"condition": config.model.condition})
            if source not in made:
                latents.prepare(config)
                made.add(source)


def prepare_process(root: Path, cores: list[int]) -> None:
    """Sets what JAX reads when it is imported: its cores, and the compile cache all share."""
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(root.resolve() / "compile_cache")
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    # Slurm and the launcher end a worker so: it gives its run back, and that is no death.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))


def main() -> None:
    """Works on a plan as the command line says, or makes the latents for those who will."""
    arguments = _parser().parse_args()
    job = _job(arguments)
    prepare_process(arguments.root, arguments.cores)
    prepare(job) if arguments.prepare else work(job)


def _job(arguments: argparse.Namespace) -> Job:
    root, plan = arguments.root, read_plan(arguments.root)
    if arguments.evaluate:
        return Evaluation(root, plan, evaluators.parse(arguments.only), arguments.all)
    mode, slots = (arguments.mode, arguments.slots) if arguments.mode else _for_slurm(root)
    return Training(root, select(plan, arguments.hold_out), mode=mode, slots=slots)


def _for_slurm(root: Path) -> tuple[str, int]:
    """The mode and slots that the job which made the latents has measured."""
    found = measure.read_measurement(root, modes.SLURM) or {"fastest": modes.DEFAULT}
    return found["fastest"], found["slots"] if found["fastest"] == "packed" else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sweeps.launcher.worker", description=__doc__)
    add = parser.add_argument
    add("--root", type=Path, required=True, help="folder with sweep.json")
    add("--prepare", action="store_true", help="make the latents, work on no run")
    add("--cores", type=json.loads, default=[], help="CPU cores, e.g. [0,1]")
    add("--hold_out", action="store_true", help="leave out the largest budget")
    add("--mode", help="as the launcher chose (default: as measured for Slurm)")
    add("--slots", type=int, default=1, help="most runs of a pack")
    add("--evaluate", action="store_true", help="evaluate checkpoints, train nothing")
    add("--only", default="", help="evaluators, as of sweeps.launcher.evaluate")
    add("--all", action="store_true", help="every kept checkpoint, not the last alone")
    return parser


if __name__ == "__main__":
    errors.run(main)
