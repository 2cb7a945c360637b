"""The peer's process: asked for seconds of so many steps, one line for another."""

import dataclasses
import importlib.util
import json
import subprocess
import sys

from vdit.benchmark.cases import Case
from vdit.errors import InputError

MODULE = "vdit.benchmark.torch_peer"


class Peer:
    """PyTorch's step of a case in a process of its own; `run` as that of `step.Step`.

    Raises `InputError` where PyTorch is missing, or for a variant that the peer has not.
    """

    def __init__(self, case: Case):
        if importlib.util.find_spec("torch") is None:
            raise InputError("--peer torch: PyTorch is not installed (pip install 'vdit[test]')")
        model = case.model
        if (model.attention, model.condition, model.caption_by) != ("full", "text", "cross"):
            raise InputError("--peer torch: the peer has full attention and cross-attended text")
        asked = json.dumps({"model": dataclasses.asdict(model), "batch": case.batch})
        self.process = subprocess.Popen(
            [sys.executable, "-m", MODULE, asked],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
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
