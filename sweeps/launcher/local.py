"""Workers on this machine: how they share its devices, and the processes themselves."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from sweeps.launcher.job import Job
from vdit.errors import InputError
from vdit.runs import lease, signals

GRACE_S = 600.0  # for workers to come to the next step and save
# Starts of workers without one run ending in between; more, and starting again is no help.
MAXIMUM_STARTS = 4


class Mode(NamedTuple):
    """How runs are trained: the devices of each worker, and the most runs that a worker packs."""

    name: str
    shares: list[list[str]]
    slots: int = 1

    @property
    def options(self) -> list[str]:
        """The same for a worker's command line."""
        return ["--mode", self.name, "--slots", str(self.slots)]


class Machine(NamedTuple):
    """JAX's platform here, its devices (on CPU cores), and how many of them a run's mesh needs."""

    platform: str
    devices: list[str]
    need: int = 1


def find_devices() -> tuple[str, list[str]]:
    """JAX's platform and its devices here, asked of JAX in a process of its own; on CPU, cores."""
    if os.environ.get("JAX_PLATFORMS") == "cpu":
        return "cpu", _cores()
    ask = "import jax; print(jax.default_backend(), jax.local_device_count())"
    answer = subprocess.run([sys.executable, "-c", ask], stdout=subprocess.PIPE, check=True)
    platform, count = answer.stdout.decode().split()[-2:]
    if platform == "cpu":
        return platform, _cores()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return platform, visible.split(",") if visible else [str(i) for i in range(int(count))]


def shares(devices: list[str], workers: int | None, need: int = 1) -> list[list[str]]:
    """The devices of each worker: as many workers as fit when each needs `need`, or `workers`."""
    workers = workers or max(1, len(devices) // need)
    if workers >= len(devices):
        return [[devices[i % len(devices)]] for i in range(workers)]
    return [devices[i::workers] for i in range(workers)]


def prepare(job: Job) -> None:
    """Makes the latents in a process of its own with all cores, so that no JAX stays here."""
    done = subprocess.run(worker_command(job, ["--prepare"]))
    if done.returncode:
        raise SystemExit(done.returncode)  # it has said why on the same stderr


class Pool:
    """Worker processes, one to a share of the devices, started while there are runs to claim."""

    def __init__(self, job: Job, platform: str, mode: Mode):
        self.job, self.platform, self.mode = job, platform, mode
        self.processes: list[subprocess.Popen | None] = [None] * len(mode.shares)
        self.starts = 0  # since a run ended

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, kind: type | None, *_) -> None:
        """Waits for workers that are done. When something else ends the launcher they are told to
        end (they save, and give their runs back), and killed when that takes too long, or at once
        where a second signal comes."""
        living = [process for process in self.processes if process and process.poll() is None]
        if living and kind:
            print(f"{len(living)} workers save what they train; a second signal kills them")
            for process in living:
                process.terminate()
        try:
            with signals.handled():
                for process in living:
                    process.wait(GRACE_S)
        except (signals.Stopped, subprocess.TimeoutExpired):
            pass
        finally:
            for process in living:
                process.kill()
                process.wait()

    def supervise(self, open_runs: int) -> list[str]:
        """Takes note of workers that ended and starts others for `open_runs`; returns the notes."""
        notes = []
        for i, process in enumerate(self.processes):
            if process and process.poll() is not None:
                notes += self._ended(i, process.returncode)
                self.processes[i] = None
        living = sum(process is not None for process in self.processes)
        for i in [i for i, p in enumerate(self.processes) if p is None][: max(0, open_runs)]:
            if self.starts >= MAXIMUM_STARTS * len(self.mode.shares) and not living:
                raise InputError(f"the workers end before their runs do; see {self._log(i)}")
            self._start(i)
        return notes

    @property
    def is_idle(self) -> bool:
        """Whether no worker lives."""
        return not any(self.processes)

    def _start(self, i: int) -> None:
        environment, options = worker_setting(self.platform, self.mode.shares, i)
        log = self._log(i)
        log.parent.mkdir(exist_ok=True)
        with open(log, "a") as file:
            # In a session of its own: Ctrl-C reaches this process, which ends it in order.
            self.processes[i] = subprocess.Popen(
                worker_command(self.job, options + self.mode.options),
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        self.starts += 1

    def _ended(self, i: int, status: int) -> list[str]:
        if status == 0:
            return []
        ends = {128 + number: "was told to end" for number in signals.SIGNALS}
        ends |= {lease.LOST: "had lost its run to another"}
        if status < 0 or status in ends:
            end = ends.get(status, f"ended by signal {-status}")
            return [f"worker {i} {end}; its run is taken over (log: {self._log(i)})"]
        last = (self._log(i).read_text().strip().splitlines() or [""])[-1]
        raise InputError(f"worker {i}: {last.removeprefix('error: ')} (log: {self._log(i)})")

    def _log(self, i: int) -> Path:
        return self.job.root / "logs" / f"worker_{os.getpid()}_{i}.log"


def worker_setting(
    platform: str, device_shares: list[list[str]], i: int
) -> tuple[dict[str, str], list[str]]:
    """Environment and options of worker i. On CPU its cores are its own, so XLA and BLAS start as
    many threads as it has cores; an accelerator is shown to it alone."""
    share = device_shares[i]
    quiet = {"TQDM_DISABLE": "1", "PYTHONUNBUFFERED": "1"}
    if platform == "cpu":
        threads = {"OMP_NUM_THREADS": str(len(share)), "OPENBLAS_NUM_THREADS": str(len(share))}
        return quiet | threads, ["--cores", json.dumps([int(core) for core in share])]
    if len(device_shares) > len({device for s in device_shares for device in s}):
        quiet |= {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}  # several workers on one device
    return quiet | {"CUDA_VISIBLE_DEVICES": ",".join(share)}, []


def devices_needed(mesh: Mapping[str, int]) -> int:
    """Devices of one run by its mesh; an axis of -1 takes what it is given, and one is enough."""
    return math.prod(max(1, size) for size in mesh.values())


def _cores() -> list[str]:
    if hasattr(os, "sched_getaffinity"):
        return [str(core) for core in sorted(os.sched_getaffinity(0))]
    return [str(core) for core in range(os.cpu_count() or 1)]


def worker_command(job: Job, options: Iterable[str] = (), root: Path | None = None) -> list[str]:
    """The command line of a worker of a job; `root` is where it finds it, if elsewhere."""
    place = ["--root", str(root or job.root)]
    return [sys.executable, "-m", "sweeps.launcher.worker", *place, *job.options, *options]
