"""One worker: claims runs and trains them one after another, so that start-up is paid once."""

import argparse
import fcntl
import functools
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweeps.launcher import branch, claim, measure, modes, packs, queue
from sweeps.launcher.local import TERMINATED
from sweeps.launcher.plan import build_config, read_plan, select, write_json
from sweeps.launcher.queue import FAILED, RESULT, is_over, run_folder
from sweeps.launcher.worker_log import WorkerLog
from vdit import errors
from vdit.config.fingerprint import fingerprint
from vdit.errors import InputError

# A run whose workers were killed this often is what kills them (memory, most often).
MAXIMUM_DEATHS = 2
POLL_S = 0.5  # between two looks for a trunk's checkpoint


def work(root: Path, hold_out: bool, mode: str, slots: int) -> None:
    """Trains runs until none can be claimed; a run that fails is written down and left behind.

    With `slots` of two or more, runs of one shape as packs of up to so many.
    """
    plan, launcher, compiled, book = read_plan(root), os.getppid(), set(), WorkerLog(root)
    runs = select(plan, hold_out)
    take = functools.partial(queue.take, root)
    book.write("start")
    # An orphan ends its run and stops: its launcher was killed and someone may want the cores.
    while os.getppid() == launcher and (taken := _wait_for_next(root, runs, compiled, launcher)):
        pack = packs.gather(root, runs, taken, slots, take)
        names = [run["run_id"] for run, _ in pack.taken]
        book.write("begin", names)
        idle = 0
        try:
            idle = _train(plan, root, pack, mode)
        finally:
            book.write("end", names, idle_steps=idle)
            for _, held in pack.taken:
                held.release()
        compiled.add(queue.shape(taken[0]))
    book.write("exit")


def _wait_for_next(root: Path, runs: list[dict[str, Any]], compiled: set[tuple], launcher: int):
    """`take_next`, again and again while all that is left begins in the trunks of other workers."""
    told = False
    while True:
        left = [run for run in runs if not is_over(run_folder(root, run))]
        # Asked before taking: a checkpoint that comes in between is found by the next look.
        trunks = {branch.trunk_of(run)[0] for run in left if queue.must_wait(root, run)}
        taken = queue.take_next(root, runs, compiled)
        if taken or not trunks or os.getppid() != launcher:
            return taken
        if not told:
            print(f"waits for {_held(root, trunks)}", flush=True)
        told = True
        time.sleep(POLL_S)


def _held(root: Path, trunks: set[str]) -> str:
    """Trunks and who has them: of another machine it cannot be told whether it still lives."""
    owners = {name: claim.owner(root / "runs" / name) or {} for name in sorted(trunks)}
    parts = [f"trunk {name} (claimed on {o.get('host', '?')})" for name, o in owners.items()]
    return f"{', '.join(parts)}; if that machine is gone, delete the file claim in the run's folder"


def prepare(root: Path, hold_out: bool) -> None:
    """Encodes the latents that the runs read, once for each data set and autoencoder."""
    from vdit.main import prepare_latents

    plan, done = read_plan(root), set()
    with open(root / "prepare.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second launcher waits here and then finds them made
        for run in select(plan, hold_out):
            config = build_config(plan, root, run["overrides"])
            parts = {key: config[key].to_dict() for key in ("data", "autoencoder")}
            source = fingerprint(parts | {"condition": config.model.condition})
            if source not in done and not is_over(run_folder(root, run)):
                prepare_latents(config)
            done.add(source)


def _train(plan: dict, root: Path, pack: packs.Pack, mode: str) -> int:
    """Trains the runs of a pack, or the one there is; returns the steps of idle slots."""
    taken = [
        (run, _config(plan, root, run)) for run, held in pack.taken if _may_try(root, run, held)
    ]
    words = f"{len(taken)} runs packed, the first" if pack.slots else ""
    for run, _ in taken[:1]:
        print(f"{time.strftime('%H:%M:%S')} {words} {run['run_id']} size {run['size']}", flush=True)
    if pack.slots and taken:
        try:
            return _train_packed(root, taken, pack.slots)
        except Exception:  # of one run or of the pack (memory): alone, each shows or ends well
            print(f"a pack failed:\n{traceback.format_exc()}", file=sys.stderr, flush=True)
    for run, config in taken:
        if not is_over(run_folder(root, run)):
            _train_alone(root, run, config, "one" if mode == "packed" else mode)
    return 0


def _may_try(root: Path, run: Mapping[str, Any], held: claim.Claim) -> bool:
    if held.attempt > MAXIMUM_DEATHS + 1:
        line = f"{MAXIMUM_DEATHS + 1} workers were killed in this run (memory?)"
    elif not branch.is_ready(root, run):
        line = _trunk_failed(root, run)
    else:
        return True
    _fail(run_folder(root, run), run, line, "")
    return False


def _config(plan: dict, root: Path, run: Mapping[str, Any]) -> Any:
    config = build_config(plan, root, run["overrides"])
    if fingerprint(config) != run["run_id"]:
        raise InputError(f"{root}: its plan is of another code or experiment; launch it again")
    return config


def _train_packed(root: Path, taken: list, slots: list[tuple[str, int]]) -> int:
    from vdit.training import packing

    runs = [(config, str(run_folder(root, run))) for run, config in taken]
    outcome = packing.run(runs, slots)
    for (run, _), end in zip(taken, outcome.ends, strict=True):
        if isinstance(end, Exception):
            _fail(run_folder(root, run), run, f"{type(end).__name__}: {end}", "")
    return outcome.idle_steps


def _train_alone(root: Path, run: Mapping[str, Any], config: Any, mode: str) -> None:
    from vdit.main import run as train

    folder = run_folder(root, run)
    try:
        train(config, str(folder), mode)
    except Exception as error:  # whatever one run dies of, the sweep's other runs go on
        line = " ".join(f"{type(error).__name__}: {error}".split())
        _fail(folder, run, line, traceback.format_exc())
    else:
        if not (folder / RESULT).exists():
            _fail(folder, run, f"ended without {RESULT}", "")


def _trunk_failed(root: Path, run: Mapping[str, Any]) -> str:
    name, step = branch.trunk_of(run)
    failure = root / "runs" / name / FAILED
    why = json.loads(failure.read_text())["exception"] if failure.exists() else "it has ended"
    return f"no checkpoint of step {step} in its trunk {name}: {why}"


def _fail(folder: Path, run: Mapping[str, Any], line: str, trace: str) -> None:
    print(f"{run['run_id']} failed: {line}\n{trace}", file=sys.stderr, flush=True)
    failure = {"run_id": run["run_id"], "exception": line, "traceback": trace}
    write_json(folder / FAILED, failure | {"time": time.time()})


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
    parser = argparse.ArgumentParser(prog="python -m sweeps.launcher.worker", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder with sweep.json")
    parser.add_argument("--hold_out", action="store_true", help="leave out the largest budget")
    parser.add_argument("--prepare", action="store_true", help="make the latents, train nothing")
    parser.add_argument("--cores", type=json.loads, default=[], help="CPU cores, e.g. [0,1]")
    parser.add_argument("--mode", help="as the launcher chose (default: as measured for Slurm)")
    parser.add_argument("--slots", type=int, default=1, help="most runs of a pack")
    arguments = parser.parse_args()
    mode, slots = (
        (arguments.mode, arguments.slots) if arguments.mode else _for_slurm(arguments.root)
    )
    prepare_process(arguments.root, arguments.cores)
    if arguments.prepare:
        prepare(arguments.root, arguments.hold_out)
    else:
        work(arguments.root, arguments.hold_out, mode, slots)


def _for_slurm(root: Path) -> tuple[str, int]:
    """The mode and slots that the job which made the latents has measured."""
    found = measure.measured(root, modes.SLURM) or {"fastest": modes.DEFAULT}
    return found["fastest"], found["slots"] if found["fastest"] == "packed" else 1


if __name__ == "__main__":
    errors.run(main)
