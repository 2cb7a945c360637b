"""What a worker logs of its time: a line when it begins and ends, and for every run it claims."""

import json
import os
import socket
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vdit.runs.goodput import GOODPUT

FOLDER = "ledger"


class WorkerLog:
    """The log of one worker, a file of its own; each line has the seconds by kind up to then."""

    def __init__(self, root: Path):
        name = f"{socket.gethostname()}_{os.getpid()}_{time.time_ns()}.jsonl"
        (root / FOLDER).mkdir(exist_ok=True)
        self._path = root / FOLDER / name

    def write(self, event: str, runs: Iterable[str] = (), **more: Any) -> None:
        """`event`: start | begin | end (of the runs named) | exit."""
        line = {"event": event, "runs": list(runs), "time": time.time()} | more
        with open(self._path, "a") as file:
            file.write(json.dumps(line | {"seconds": GOODPUT.totals()}) + "\n")


def read_worker_logs(root: Path) -> list[list[dict[str, Any]]]:
    """The whole lines of every worker so far."""
    logs = []
    for path in sorted((root / FOLDER).glob("*.jsonl")):
        lines = path.read_text().split("\n")[:-1]
        logs.append([json.loads(line) for line in lines])
    return [log for log in logs if log]
