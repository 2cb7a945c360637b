"""Many workers on two pretended machines race for runs; they are killed, paused and taken over."""

import collections
import json
import os
import signal
import subprocess
import sys
import time

from tests.faults.claim_worker import LEASE_S
from tests.paths import ROOT
from vdit.runs import lease
from vdit.runs.folder import attempt_of

WORKERS = 6
PAUSE_S = 10 * LEASE_S  # at most: until the run is taken over


def start(root, count, i, seed):
    command = [sys.executable, "-m", "tests.faults.claim_worker"]
    command += map(str, (root, count, f"machine{i % 2}", seed))
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def read_log(root):
    path = root / "log"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def race(root, count):
    """Keeps the workers at it until all runs are done; how they ended, by exit status."""
    workers = [start(root, count, i, seed=i) for i in range(WORKERS)]
    ends, woken = collections.Counter(), set()
    while any(workers):
        log, now = read_log(root), time.monotonic()
        taken = {line["name"] for line in log if line["event"] == "claimed"}
        for line in log:
            is_over = next_name(line["name"]) in taken or now - line["at"] > PAUSE_S
            if line["event"] == "paused" and is_over and line["name"] not in woken:
                woken.add(line["name"])
                os.kill(line["pid"], signal.SIGCONT)
        for i, worker in enumerate(workers):
            if worker and worker.poll() is not None:
                ends[worker.returncode] += 1
                _, err = worker.communicate()
                assert "Traceback" not in err, err
                again = worker.returncode != 0
                workers[i] = start(root, count, i, f"{i} {sum(ends.values())}") if again else None
        time.sleep(0.1)
    return ends


def results(root, count):
    names = [f"run{i}" for i in range(count)]
    found = [json.loads((root / "runs" / name / "result.json").read_text()) for name in names]
    return dict(zip(names, (each["attempt"] for each in found), strict=True))


def next_name(name):
    run, number = attempt_of(name)
    return f"{run}.{number + 1}"


def taken_over_s(log, name, at):
    """For how many seconds the next attempt at a run had been claimed then."""
    claimed = (line for line in log if line["event"] == "claimed")
    return at - next((x["at"] for x in claimed if x["name"] == next_name(name)), at)


def late_writes(root, count, log):
    """Files in runs at rest that an owner wrote after the next had claimed its run."""
    paths = (root / "runs" / f"run{i}" / "late.json" for i in range(count))
    found = [json.loads(path.read_text()) for path in paths if path.exists()]
    return [late for late in found if taken_over_s(log, late["by"], late["at"]) > 0]


def test_races_with_kills_and_expired_leases_leave_no_double_and_lose_no_run(
    tmp_path, times, fault
):
    count = times(30, 1000)
    (tmp_path / "runs").mkdir()
    ends = race(tmp_path, count)
    assert set(ends) <= {0, -signal.SIGKILL, lease.LOST}
    log = read_log(tmp_path)
    by = {event: [line for line in log if line["event"] == event] for event in ("claimed", "saw")}
    names = [line["name"] for line in by["claimed"]]
    assert len(names) == len(set(names))  # no attempt was two workers'
    done = results(tmp_path, count)  # and none is missing
    assert all(done[line["name"]] == line["attempt"] for line in by["saw"])
    assert not late_writes(tmp_path, count, log)
    paused = [line for line in log if line["event"] == "paused"]
    zombies = sum(taken_over_s(log, line["name"], line["at"] + PAUSE_S) > 0 for line in paused)
    assert ends[-signal.SIGKILL]
    assert zombies
    done = f"{WORKERS} workers of 2 machines raced for {count} runs, {len(names)} claims; "
    done += f"{ends[-signal.SIGKILL]} were killed, {zombies} paused until another had their run"
    fault("claims", done, count, "every run done once, no attempt held by two, no run lost")
    done = f"paused until another had their run (lease {LEASE_S} s), then woken"
    fault("zombies", done, zombies, "no result and no late file of theirs is read")
