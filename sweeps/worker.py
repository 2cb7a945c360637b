"""One worker: claims runs and trains them one after another, so that start-up is paid once."""

import argparse
import fcntl
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweeps import branch, claim
from sweeps.plan import build_config, cost, read_plan, select, write_json
from vdit import cli
from vdit.errors import InputError
from vdit.fingerprint import fingerprint

RESULT, FAILED = "result.json", "failed.json"
# A run whose workers were killed this often is what kills them (memory, most often).
MAXIMUM_DEATHS = 2
POLL_S = 0.5  # between two looks for a trunk's checkpoint
TERMINATED = 128 + signal.SIGTERM


def run_folder(root: Path, run: Mapping[str, Any]) -> Path:
    return root / "runs" / run["run_id"]


def is_over(folder: Path) -> bool:
    """Whether the run has finished or failed: nobody is to claim it."""
    return (folder / RESULT).exists() or (folder / FAILED).exists()


def work(root: Path, hold_out: bool) -> None:
    """Trains runs until none can be claimed; a run that fails is written down and left behind."""
    from vdit.main import run as train

    plan, launcher, compiled = read_plan(root), os.getppid(), set()
    runs = select(plan, hold_out)
    # An orphan ends its run and stops: its launcher was killed and someone may want the cores.
    while os.getppid() == launcher and (taken := _wait_for_next(root, runs, compiled, launcher)):
        run, held = taken
        try:
            _train(plan, root, run, held, train)
        finally:
            held.release()
        compiled.add(_shape(run))


def _wait_for_next(root: Path, runs: list[dict[str, Any]], compiled: set[tuple], launcher: int):
    """`take_next`, again and again while all that is left begins in the trunks of other workers."""
    while not (taken := take_next(root, runs, compiled)) and os.getppid() == launcher:
        if not any(must_wait(root, run) for run in runs if not is_over(run_folder(root, run))):
            break
        time.sleep(POLL_S)
    return taken


def must_wait(root: Path, run: Mapping[str, Any]) -> bool:
    """Whether the run is a branch whose trunk has yet to come to its step."""
    trunk = root / "runs" / branch.trunk_of(run)[0]
    return not branch.is_ready(root, run) and not is_over(trunk)


def take_next(
    root: Path, runs: list[dict[str, Any]], compiled: set[tuple]
) -> tuple[dict[str, Any], claim.Claim] | None:
    """Claims the next run: of those as long as the first one left, one whose shape is compiled."""
    left = [run for run in runs if not is_over(run_folder(root, run))]
    left.sort(key=lambda run: (-cost(run), _shape(run) not in compiled))
    for run in left:
        folder = run_folder(root, run)
        if not must_wait(root, run) and (held := claim.take(folder)):
            if not is_over(folder):
                return run, held
            held.release()
    return None


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


def _train(plan: dict, root: Path, run: dict, held: claim.Claim, train) -> None:
    folder = run_folder(root, run)
    if held.attempt > MAXIMUM_DEATHS + 1:
        _fail(folder, run, f"{MAXIMUM_DEATHS + 1} workers were killed in this run (memory?)", "")
        return
    if not branch.is_ready(root, run):
        _fail(folder, run, _trunk_failed(root, run), "")
        return
    config = build_config(plan, root, run["overrides"])
    if fingerprint(config) != run["run_id"]:
        raise InputError(f"{root}: its plan is of another code or experiment; launch it again")
    print(f"{time.strftime('%H:%M:%S')} {run['run_id']} size {run['size']}", flush=True)
    try:
        train(config, str(folder))
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


def _shape(run: Mapping[str, Any]) -> tuple:
    return run["size"], run["batch"]


def _prepare_process(root: Path, cores: list[int]) -> None:
    """Sets what JAX reads when it is imported: its cores, and the compile cache all share."""
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(root.resolve() / "compile_cache")
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    # Slurm and the launcher end a worker so: it gives its run back, and that is no death.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sweeps.worker", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder with sweep.json")
    parser.add_argument("--hold_out", action="store_true", help="leave out the largest budget")
    parser.add_argument("--prepare", action="store_true", help="make the latents, train nothing")
    parser.add_argument("--cores", type=json.loads, default=[], help="CPU cores, e.g. [0,1]")
    arguments = parser.parse_args()
    _prepare_process(arguments.root, arguments.cores)
    (prepare if arguments.prepare else work)(arguments.root, arguments.hold_out)


if __name__ == "__main__":
    cli.run(main)
