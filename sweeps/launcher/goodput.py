"""The account of a sweep, to the last run: what its steps came to, what its workers did all day.

Steps are known from the runs' metrics.jsonl (a killed run's to its last line), seconds from what
workers write down (`sweeps/book.py`). Both are split without a rest:

  useful      steps behind the results of finished runs
  repeated    steps trained again, for a worker was killed after the last checkpoint
  wasted      steps of failed runs, and of idle slots of packs
  unfinished  steps of runs that are still to end
  no run      seconds between runs: start-up, claims, the imports of a worker
"""

import collections
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sweeps.launcher.queue import FAILED, RESULT, run_folder
from sweeps.launcher.worker_log import read_worker_logs

FATES = ("useful", "repeated", "wasted", "unfinished", "no run")
DEAD = "killed or at work"  # seconds of a run that its worker has not closed


class Attempt(NamedTuple):
    """One stretch of a run's training: from where to where (steps), when (unix seconds)."""

    start: int
    last: int
    began: float
    seen: float


class Ledger(NamedTuple):
    """FLOPs and seconds by fate, and the workers' seconds by kind; each of the latter two adds up
    to the same whole."""

    flops: collections.Counter
    seconds: collections.Counter
    kinds: collections.Counter


def show(root: Path, runs: list[dict[str, Any]]) -> str:
    """The closing table of a sweep; empty where nothing was trained."""
    ledger = account(root, runs)
    flops, seconds = ledger.flops.total(), ledger.seconds.total()
    lines = [f"{'ledger':>10}  {'FLOPs':>9}     %   seconds     %"]
    for fate in FATES:
        if ledger.flops[fate] or ledger.seconds[fate]:
            lines.append(_line(fate, ledger.flops[fate], flops, ledger.seconds[fate], seconds))
    lines.append(_line("in all", flops, flops, seconds, seconds))
    parts = [f"{k} {_percent(s, seconds)} %" for k, s in ledger.kinds.most_common() if s]
    return "\n".join([*lines, f"of the workers' seconds: {', '.join(parts)}"] if seconds else lines)


def account(root: Path, runs: list[dict[str, Any]]) -> Ledger:
    """The ledger of these runs, from what lies in their folders and in the workers' books."""
    ledger = Ledger(*(collections.Counter() for _ in range(3)))
    by_id = {run["run_id"]: run for run in runs}
    attempts = {name: attempts_of(run_folder(root, run)) for name, run in by_id.items()}
    fates = {name: fate_of(root, run) for name, run in by_id.items()}
    for name, run in by_id.items():
        for i in range(len(attempts[name])):
            for fate, steps in _steps(attempts[name], i, fates[name]).items():
                ledger.flops[fate] += steps * run["flops"] / run["steps"]
    books = read_worker_logs(root)
    takes = [take for book in books for take in _takes(book)]
    begins = collections.defaultdict(list)
    for take in takes:
        for name in take.runs:
            begins[name].append(take.began)
    for take in takes:
        _add(ledger, take, _trained_in(take, begins, attempts), by_id, attempts, fates)
    for book in books:
        ledger.kinds.update(book[-1]["seconds"])
    ledger.seconds["no run"] = ledger.kinds.total() - ledger.seconds.total()
    return ledger


def attempts_of(folder: Path) -> list[Attempt]:
    """The stretches of a run's training, by the lines of metrics.jsonl; a resumed one says so."""
    path = folder / "metrics.jsonl"
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    found: list[Attempt] = []
    for row in map(json.loads, lines):
        step, when = row["step"], row.get("time", 0.0)
        if row.get("resumed") or not found:
            found.append(Attempt(step if row.get("resumed") else 0, step, when, when))
        found[-1] = found[-1]._replace(last=step, seen=when)
    return found


def fate_of(root: Path, run: Mapping[str, Any]) -> str:
    """What the steps of a run came to that were not repeated."""
    folder = run_folder(root, run)
    if (folder / RESULT).exists():
        return "useful"
    return "wasted" if (folder / FAILED).exists() else "unfinished"


def _steps(attempts: list[Attempt], i: int, fate: str) -> dict[str, int]:
    """Steps of an attempt by fate: what it did beyond the start of the next was repeated."""
    steps = attempts[i].last - attempts[i].start
    later = attempts[i + 1].start if i + 1 < len(attempts) else attempts[i].last
    repeated = min(steps, max(0, attempts[i].last - later))
    return {"repeated": repeated, fate: steps - repeated}


class Take(NamedTuple):
    """What a worker did between claiming runs and giving them back; `seconds` None if it did not
    come to that."""

    runs: list[str]
    began: float
    seconds: float | None
    idle_steps: int


def _takes(book: list[dict[str, Any]]) -> list[Take]:
    takes = []
    for line, after in itertools.zip_longest(book, book[1:]):
        if line["event"] != "begin":
            continue
        seconds = after and sum(after["seconds"].values()) - sum(line["seconds"].values())
        idle = after["idle_steps"] if after else 0
        takes.append(Take(line["runs"], line["time"], seconds, idle))
    return takes


def _trained_in(take: Take, begins: Mapping, attempts: Mapping) -> dict[str, int]:
    """Of each run in it the attempt that was made there, by its number; by the times of both."""
    made = {}
    for name in take.runs:
        until = min((t for t in begins[name] if t > take.began), default=float("inf"))
        for i, attempt in enumerate(attempts.get(name, ())):
            if take.began <= attempt.began < until:
                made[name] = i
    return made


def _add(ledger: Ledger, take: Take, made: dict, by_id: Mapping, attempts, fates) -> None:
    """Splits a take's seconds as its steps split; without steps, by the fates of its runs."""
    seconds = take.seconds
    if seconds is None:  # to the last sign of life
        seen = [attempts[name][i].seen for name, i in made.items()]
        seconds = max(seen, default=take.began) - take.began
        ledger.kinds[DEAD] += seconds
    weights = collections.Counter({"wasted": take.idle_steps})
    for name, i in made.items():
        weights.update(_steps(attempts[name], i, fates[name]))
    known = [name for name in take.runs if name in by_id]
    if known:
        run = by_id[known[0]]
        ledger.flops["wasted"] += take.idle_steps * run["flops"] / run["steps"]
    weights = weights if weights.total() else collections.Counter(map(fates.get, known))
    for fate, weight in weights.items():
        ledger.seconds[fate] += seconds * weight / weights.total()


def _line(name: str, flops: float, all_flops: float, seconds: float, all_seconds: float) -> str:
    shares = f"{_percent(flops, all_flops):>4}", f"{_percent(seconds, all_seconds):>4}"
    return f"{name:>10}  {flops:9.2e}  {shares[0]}  {seconds:8.1f}  {shares[1]}"


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f}" if whole else "-"
