"""python -m tests.faults.claim_worker ROOT COUNT MACHINE SEED

A worker on a machine of that name, with short leases: does COUNT runs with others like it, and is
killed, paused or sent home as a die says. ROOT/log has what it did and saw.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from vdit.runs import attempt, claim, lease
from vdit.runs.files import find_json, write_json
from vdit.runs.folder import RESULT

BEAT_S, LEASE_S = 0.05, 0.4
NEAR = 4  # runs that the workers race for at a time


class Worker:
    def __init__(self, root, machine, seed):
        self.root, self.die = root, random.Random(seed)
        claim.boot_id = lambda: machine

    def note(self, event, name, **more):
        line = {"event": event, "name": name, "pid": os.getpid(), "at": time.monotonic()} | more
        with open(self.root / "log", "a") as file:
            file.write(json.dumps(line) + "\n")

    def is_over(self, path):
        result = find_json(path / RESULT, "a result")
        if result:
            self.note("saw", path.name, attempt=result["attempt"])
        return result is not None

    def do(self, path):
        """Does a run if it can be claimed; whether it is over."""
        if self.is_over(path):
            return True
        if held := attempt.acquire(path):
            self.note("claimed", held.folder.name, deaths=held.deaths)
            try:
                if not (held.folder / RESULT).exists():
                    self.work(held)
            except FileNotFoundError:  # of a zombie: what it made again was swept as it wrote
                self.note("swept", held.folder.name)
            held.release()
        return False

    def work(self, held):
        fate = self.die.random()
        if fate < 0.15:
            self.note("killed", held.folder.name)
            os.kill(os.getpid(), signal.SIGKILL)
        if fate < 0.3:
            self.note("paused", held.folder.name)
            os.kill(os.getpid(), signal.SIGSTOP)
            line = {"by": held.folder.name, "at": time.monotonic()}
            write_json(held.folder / "late.json", line)
        if fate < 0.3 or fate > 0.45:
            write_json(held.folder / RESULT, {"attempt": held.folder.name})


def main():
    root, count, (machine, seed) = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    lease.BEAT_S, lease.LEASE_S = BEAT_S, LEASE_S
    worker, left = Worker(root, machine, seed), [root / "runs" / f"run{i}" for i in range(count)]
    while left:
        near = [path for path in left[:NEAR] if not worker.do(path)]
        left = worker.die.sample(near, len(near)) + left[NEAR:]


if __name__ == "__main__":
    main()
