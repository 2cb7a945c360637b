"""The peer's process: asked for seconds of so many steps, one line for another."""

import dataclasses
import importlib.util
import json
import os
import pathlib
import subprocess
import sys

from vdit.benchmark.cases import Case
from vdit.errors import InputError

TORCH = "vdit.benchmark.torch_peer"
CHECKOUT = pathlib.Path(__file__).with_name("checkout_peer.py")
LIKE = ("attention", "remat", "latent", "patch", "dtype")  # of a case, for another checkout


class Peer:
    """Another step of a case in a process of its own; `run` as that of `step.Step`.

    `of` is "torch", or the folder of another checkout of vdit. Raises `InputError` where that is
    missing, or for a variant that PyTorch's has not.
    """

    def __init__(self, case: Case, of: str = "torch"):
        command, path = _torch(case) if of == "torch" else _checkout(case, of)
        self.process = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | path,
        )
        self.compile_s = self._answer()

    def run(self, steps: int) -> float:
        """Seconds of `steps` steps there."""
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """Ends the process."""
        self.process.communicate()

    def _answer(self) -> float:
        if line := self.process.stdout.readline():
            return float(line)
        raise InputError(f"the peer ended with status {self.process.wait()}")


def _torch(case: Case) -> tuple[list[str], dict[str, str]]:
    """What Python is to run, and in which environment."""
    if importlib.util.find_spec("torch") is None:
        raise InputError("--peer torch: PyTorch is not installed (pip install 'vdit[test]')")
    model = case.model
    if (model.attention, model.condition, model.caption_by) != ("full", "text", "cross"):
        raise InputError("--peer torch: the peer has full attention and cross-attended text")
    asked = json.dumps({"model": dataclasses.asdict(model), "batch": case.batch})
    return ["-m", TORCH, asked], {}


def _checkout(case: Case, folder: str) -> tuple[list[str], dict[str, str]]:
    if not (pathlib.Path(folder) / "vdit" / "benchmark" / "step.py").exists():
        raise InputError(f"--peer {folder}: expected torch, or the folder of a checkout of vdit")
    like = {key: getattr(case.model, key) for key in LIKE}
    asked = json.dumps({"size": case.name, "batch": case.batch} | like)
    return ["-P", str(CHECKOUT), asked], {"PYTHONPATH": str(pathlib.Path(folder).resolve())}
