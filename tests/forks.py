"""Python in a process of its own, forked from one that has imported the libraries.

Importing JAX and what stands on it takes longer than most of what tests ask of a process. Nothing
of ours is imported before the fork, and no backend is made. Tests of what is imported, or of the
variables that JAX and TQDM read on import, start an interpreter instead (`tests.tiny.python`).
"""

import atexit
import gc
import multiprocessing
import os
import pathlib
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver

import jax

LIBRARIES = ["jax", "flax.nnx", "optax", "orbax.checkpoint.experimental.v1", "grain"]
LIBRARIES += ["ml_collections.config_flags"]
FORKS = multiprocessing.get_context("forkserver")


class Fork:
    """What `subprocess.Popen` is of an interpreter: its `pid`, its end."""

    def __init__(self, process: multiprocessing.process.BaseProcess):
        self._process, self.pid = process, process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Its status; `subprocess.TimeoutExpired` where it has not ended by then."""
        self._process.join(timeout)
        if self.poll() is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout)
        return self.poll()

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


def start(
    arguments: Sequence, cwd: pathlib.Path, env: Mapping[str, str], *logs: pathlib.Path
) -> Fork:
    """`python ARGUMENTS`, of which the first is -m, -c or a file; `logs` get its output and its
    errors, or both."""
    FORKS.set_forkserver_preload(LIBRARIES)
    forkserver.ensure_running()
    files = [str(logs[0]), str(logs[-1])]
    asked = [*map(str, arguments)], str(cwd), dict(env), files
    process = FORKS.Process(target=_become, args=asked, daemon=True)  # none outlives the tests
    process.start()
    return Fork(process)


def run(
    arguments: Sequence, cwd: pathlib.Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess:
    """The same, waited for."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = (pathlib.Path(folder) / name for name in ("out", "err"))
        status = start(arguments, cwd, env, out, err).wait()
        return subprocess.CompletedProcess(arguments, status, out.read_text(), err.read_text())


def _become(arguments: list[str], cwd: str, env: Mapping[str, str], files: list[str]) -> None:
    """Turns a fork into the process of these arguments."""
    for number, path in enumerate(files, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    gc.freeze()  # what was imported stays
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    for name in [name for name in sys.modules if name.split(".")[0] == "tests"]:
        del sys.modules[name]
    # JAX read it when it was imported.
    jax.config.update("jax_platforms", env.get("JAX_PLATFORMS"))
    try:
        _execute(*arguments)  # what it raises, multiprocessing prints, and ends with status 1
    finally:
        atexit._run_exitfuncs()


def _execute(first: str, *rest: str) -> None:
    sys.argv = [first, *rest[first == "-c" :]] if first != "-m" else list(rest)
    sys.path.insert(0, os.getcwd() if first[0] == "-" else os.path.dirname(first))
    if first == "-m":
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif first == "-c":
        exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})
    else:
        runpy.run_path(first, run_name="__main__")
