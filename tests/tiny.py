"""A run small enough for a test: the shipped config, shrunk."""

import os
import subprocess
import sys

from experiments import base
from tests import forks
from tests.paths import ROOT
from vdit.runs import compile_cache

OVERRIDES = {
    "steps": 12,
    "batch": 8,
    "log_every": 1,
    "checkpoint_every": 4,
    "keep": 1,
    "sample_every": 0,
    "data.num_frames": 3,
    "data.height": 16,
    "data.width": 16,
    "data.train_clips": 64,
    "data.validation_clips": 32,
    "data.world.max_objects": 1,
    "optimizer.flatten": True,  # quicker to compile
    "model.size": "",
    "model.width": 24,
    "model.depth": 2,
    "model.heads": 2,
    "model.patch": (1, 2, 2),
    "model.frequencies": 32,
    "validation.triples": 40,
    "evaluation.clips": 0,  # no videos to be sampled and scored, where a test asks for none
    "sampling.steps": 2,
    "sampling.count": 1,
}


def config(tmp_path, **more):
    """experiments/base.py in pixel space, at 3x16x16, with a cache of its own."""
    made = base.get_config()
    made.update_from_flattened_dict(OVERRIDES | more)
    made.cache = str(tmp_path / "latents")
    return made


def trained(made, workdir) -> dict:
    """Trains and measures a run; its row of the results table."""
    from vdit.training.resolve import resolve
    from vdit.training.run import run

    return run(resolve(made), workdir)


def swept(path, root) -> None:
    """Plans a sweep's file and trains its runs as a launcher and its one worker do, but here."""
    from sweeps.launcher import worker
    from sweeps.launcher.plan import make_plan, read_plan, select, write_plan
    from sweeps.launcher.training import Training

    write_plan(root, make_plan(str(path), root, []))
    job = Training(root, select(read_plan(root)))
    worker.prepare(job)
    worker.work(job)


def share_programs(root) -> None:
    """Lets the workers of a sweep in `root` find what other tests have compiled."""
    root.mkdir(parents=True, exist_ok=True)
    (root / compile_cache.FOLDER).symlink_to(os.environ[compile_cache.VARIABLE])


def flags(tmp_path, workdir, **more) -> list[str]:
    """The same run as the arguments of `python -m vdit.main`."""
    out = ["--config", "experiments/base.py", "--workdir", str(workdir)]
    out += [f"--config.{k}={v}" for k, v in (OVERRIDES | more).items()]
    return [*out, f"--config.cache={tmp_path / 'latents'}"]


def simulated(devices: int) -> str:
    """XLA's flags for so many simulated devices, beside those that the tests run with."""
    flags = os.environ.get("XLA_FLAGS", "")
    return f"{flags} --xla_force_host_platform_device_count={devices}"


def environment(devices: int) -> dict[str, str]:
    """The variables of a process with so many simulated devices."""
    own = {"JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
    return os.environ | own | {"XLA_FLAGS": simulated(devices)}


def python(
    *args, devices: int = 1, check: bool = True, cwd=ROOT, **kwargs
) -> subprocess.CompletedProcess:
    """Runs the interpreter, in the repository's root by default, on simulated devices."""
    command, env = [sys.executable, *map(str, args)], environment(devices)
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, **kwargs)
    assert not check or done.returncode == 0, done.stderr[-4000:]
    return done


def forked(*args, devices: int = 1, check: bool = True, cwd=ROOT) -> subprocess.CompletedProcess:
    """The same without its start: the process is a fork that has the libraries (`tests.forks`)."""
    done = forks.run(args, cwd, environment(devices))
    assert not check or done.returncode == 0, done.stderr[-4000:]
    return done
