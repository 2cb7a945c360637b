"""One worker: claims runs and does its job with one after another, so start-up is paid once."""

import argparse
import contextlib
import fcntl
import functools
import json
import math
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from sweeps.launcher import modes, queue
from sweeps.launcher.evaluation import Evaluation
from sweeps.launcher.job import Job
from sweeps.launcher.packs import Pack
from sweeps.launcher.plan import read_plan, select
from sweeps.launcher.queue import Queue
from sweeps.launcher.training import Training
from sweeps.launcher.worker_log import WorkerLog
from vdit import errors, evaluators
from vdit.config.fingerprint import fingerprint
from vdit.runs import claim, compile_cache, signals, squeue
from vdit.runs.folder import find

POLL_S = 0.5  # between two looks at what other workers have


def work(job: Job) -> None:
    """Claims runs and does the job with them until none is left that it may come to have."""
    launcher, compiled, log, runs = os.getppid(), set(), WorkerLog(job.root), Queue(job)
    said = ""
    log.write("start")
    # An orphan ends its run and stops: its launcher was killed and someone may want the cores.
    while os.getppid() == launcher:
        with contextlib.ExitStack() as held:
            if pack := claim_pack(runs, compiled, held):
                do(job, pack, log)
                compiled.add(queue.shape(pack.claimed[0].run))
                continue
        if not (awaited := waits_for(runs)):
            break
        if not said:
            print(said := f"waits for {owners(awaited)}", flush=True)
        time.sleep(POLL_S)
    if runs.others:
        print(f"{len(runs.others)} runs are left to others: {owners(runs.others)}", flush=True)
    log.write("exit")


def claim_pack(
    runs: Queue, compiled: set[tuple[str, int]], held: contextlib.ExitStack
) -> Pack | None:
    """Claims the next run, and those that are done together with it; `held` gives them back."""
    with signals.Deferral() as deferral:
        deferral.begin()  # a signal waits until `held` knows of what is claimed
        if not (first := runs.claim_next(compiled)):
            return None
        pack = runs.job.gather(first, functools.partial(queue.claim_run, runs.job))
        for each in pack.claimed:
            held.callback(each.claim.release)
    return pack


def do(job: Job, pack: Pack, log: WorkerLog) -> None:
    """Does the job with claimed runs, and logs it."""
    names, idle = [each.run["run_id"] for each in pack.claimed], 0
    log.write("begin", names)
    try:
        idle = job.do(pack)
    finally:
        log.write("end", names, idle_steps=idle)


def waits_for(runs: Queue) -> dict[str, Path]:
    """What is worth waiting for, by run_id: trunks that others have yet to bring to where runs
    leave them, and runs whose owner, on another machine, may be dead."""
    trunks = {name: find(runs.job.root / "runs" / name) for name in runs.trunks}
    return trunks | {name: at for name, at in runs.others.items() if claim.is_in_doubt(at)}


def owners(claimed: Mapping[str, Path]) -> str:
    """Runs and who has them."""
    found = {name: claim.owner(folder) or {} for name, folder in sorted(claimed.items())}
    who = [f"{name} ({o.get('host', '?')}:{o.get('pid', '?')})" for name, o in found.items()]
    return ", ".join(who)


@contextlib.contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Within is one process of this machine. Others may be there too, where a filesystem has no
    locks, or has them for one machine alone: for what does no harm twice."""
    with open(path, "w") as file:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def prepare(job: Job) -> None:
    """Encodes the latents that the runs read, once for each data set and autoencoder."""
    from vdit.data import latents

    made = set()
    left = [run for run in job.runs if not job.is_over(run)]
    with one_at_a_time(job.root / "prepare.lock"):  # a second launcher waits, then finds them made
        for run in sorted(left, key=lambda run: -run["clips"]):  # the longest reads most
            config = job.config(run)
            parts = {key: config[key].to_dict() for key in ("data", "autoencoder")}
            source = fingerprint(parts | {"condition": config.model.condition})
            if source not in made:
                latents.prepare(config)
                made.add(source)


def prepare_process(root: Path, cores: list[int]) -> None:
    """Sets what JAX reads when it is imported: the compile cache all share, and its cores."""
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
    compile_cache.use(root / compile_cache.FOLDER)
    from vdit.parallel import cores as devices

    devices.become_devices()


def main() -> None:
    """Works on a plan as the command line says, or makes the latents for those who will."""
    arguments = _parser().parse_args()
    job = _job(arguments)
    prepare_process(arguments.root, arguments.cores)
    try:
        prepare(job) if arguments.prepare else work(job)
    except signals.Stopped:  # the runs are saved and given back
        if not arguments.prepare and not job.is_done() and squeue.requeue_this_job():
            print("Slurm starts this worker again for the rest", flush=True)
        raise


def _job(arguments: argparse.Namespace) -> Job:
    root, plan = arguments.root, read_plan(arguments.root)
    if arguments.evaluate:
        only = evaluators.parse(arguments.only)
        return Evaluation(root, plan, only, arguments.all, arguments.clips, arguments.best)
    runs = select(plan, arguments.up_to)
    return Training(root, runs, mode=arguments.mode, slots=arguments.slots)


def _parser() -> argparse.ArgumentParser:
    parser = errors.parser("sweeps.launcher.worker", __doc__)
    add = parser.add_argument
    add("--root", type=Path, required=True, help="folder with sweep.json")
    add("--prepare", action="store_true", help="make the latents, work on no run")
    add("--cores", type=json.loads, default=[], help="CPU cores, e.g. [0,1]")
    add("--up_to", type=float, default=math.inf, help="leave out larger budgets (FLOPs)")
    add("--mode", default=modes.DEFAULT, help="as the launcher chose")
    add("--slots", type=int, default=1, help="most runs of a pack")
    add("--evaluate", action="store_true", help="evaluate checkpoints, train nothing")
    add("--only", default="", help="evaluators, as of sweeps.launcher.evaluate")
    add("--clips", type=int, help="videos to sample, as of sweeps.launcher.evaluate")
    add("--best", action="store_true", help="of each budget the size of lowest loss alone")
    add("--all", action="store_true", help="every kept checkpoint, not the last alone")
    return parser


if __name__ == "__main__":
    errors.run(main)
