"""What a worker logs of its time: a line when it begins and ends, and for every run it claims."""

import contextlib
import os
import socket
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vdit.runs.files import NUMBER, JsonLines, read_json_lines, require
from vdit.runs.goodput import GOODPUT

FOLDER = "ledger"
LINE = {"event": str, "runs": list, "time": NUMBER, "seconds": dict}

Row = dict[str, Any]


class WorkerLog:
    """The log of one worker, a file of its own; each line has the seconds by kind up to then."""

    def __init__(self, root: Path):
        name = f"{socket.gethostname()}_{os.getpid()}_{time.time_ns()}.jsonl"
        (root / FOLDER).mkdir(exist_ok=True)
        self._path = root / FOLDER / name

    def write(self, event: str, runs: Iterable[str] = (), **more: Any) -> None:
        """`event`: start | begin | end (of the runs named) | exit."""
        line = {"event": event, "runs": list(runs), "time": time.time()} | more
        with contextlib.closing(JsonLines(self._path)) as lines:
            lines.write(line | {"seconds": GOODPUT.totals()})


def read_worker_logs(root: Path) -> tuple[list[list[Row]], list[str]]:
    """The whole lines of every worker so far, and a line on each file that has damaged ones."""
    logs, notes = [], []
    for path in sorted((root / FOLDER).glob("*.jsonl")):
        rows, damaged = read_json_lines(path)
        whole = [row for row in rows if _is_whole(row)]
        if bad := len(damaged) + len(rows) - len(whole):
            notes.append(f"{path}: {bad} damaged lines are left out")
        logs += [whole] if whole else []
    return logs, notes


def _is_whole(row: Row) -> bool:
    try:
        require(row, LINE | ({"idle_steps": int} if "idle_steps" in row else {}))
        require(row["seconds"], dict.fromkeys(row["seconds"], NUMBER))
    except ValueError:
        return False
    return all(isinstance(name, str) for name in row["runs"])
