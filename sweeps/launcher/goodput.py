"""The goodput of a sweep: what its steps came to, and what its workers' seconds went to.

Steps are known from the runs' metrics.jsonl (a killed run's to its last line), seconds from the
workers' logs (`sweeps/launcher/worker_log.py`). Both are split without a rest:

  useful      steps behind the results of finished runs
  repeated    steps trained again, for a worker was killed after the last checkpoint
  wasted      steps of failed and damaged runs, and of idle slots of packs
  unfinished  steps of runs that are still to end
  no run      seconds between runs: start-up, claims, the imports of a worker
"""

import collections
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sweeps.launcher.attempts import Run, Trained, trained_of
from sweeps.launcher.state import State
from sweeps.launcher.worker_log import read_worker_logs

OUTCOMES = ("useful", "repeated", "wasted", "unfinished", "no run")
DEAD = "killed or at work"  # seconds of a run that its worker has not closed


class SweepGoodput(NamedTuple):
    """FLOPs and seconds by outcome, and the workers' seconds by kind; each of the latter two adds
    up to the same whole. `notes` are lines on files with damage, and on runs whose loss spiked."""

    flops: collections.Counter
    seconds: collections.Counter
    kinds: collections.Counter
    notes: list[str]


class Session(NamedTuple):
    """What a worker did between claiming runs and giving them back; `seconds` None if it did not
    come to that."""

    runs: list[str]
    began: float
    seconds: float | None
    idle_steps: int


def show(root: Path, runs: Sequence[Run], states: Sequence[State]) -> str:
    """The closing table of a sweep whose runs are in these states, below what is to be noted."""
    found = goodput_of(root, runs, states)
    flops, seconds = found.flops.total(), found.seconds.total()
    lines = [*found.notes, f"{'goodput':>10}  {'FLOPs':>9}     %   seconds     %"]
    for outcome in OUTCOMES:
        if found.flops[outcome] or found.seconds[outcome]:
            parts = found.flops[outcome], flops, found.seconds[outcome], seconds
            lines.append(_line(outcome, *parts))
    lines.append(_line("in all", flops, flops, seconds, seconds))
    kinds = [f"{k} {_percent(s, seconds)} %" for k, s in found.kinds.most_common() if s]
    return "\n".join([*lines, f"of the workers' seconds: {', '.join(kinds)}"] if seconds else lines)


def goodput_of(root: Path, runs: Sequence[Run], states: Sequence[State]) -> SweepGoodput:
    """The goodput of these runs, from what lies in their folders and from the workers' logs."""
    trained, notes = trained_of(root, runs, states)
    logs, more = read_worker_logs(root)
    found = SweepGoodput(*(collections.Counter() for _ in range(3)), [*notes, *more])
    for each in trained.values():
        for i in range(len(each.attempts)):
            for outcome, steps in each.steps(i).items():
                found.flops[outcome] += steps * each.flops_per_step
    sessions = [session for log in logs for session in _sessions(log)]
    begins = collections.defaultdict(list)
    for session in sessions:
        for name in session.runs:
            begins[name].append(session.began)
    for session in sessions:
        _add(found, session, _attempts_in(session, begins, trained), trained)
    for log in logs:
        found.kinds.update(log[-1]["seconds"])
    found.seconds["no run"] = found.kinds.total() - found.seconds.total()
    return found


def _sessions(log: list[dict[str, Any]]) -> list[Session]:
    sessions = []
    for line, after in itertools.zip_longest(log, log[1:]):
        if line["event"] != "begin":
            continue
        seconds = after and sum(after["seconds"].values()) - sum(line["seconds"].values())
        idle = after.get("idle_steps", 0) if after else 0
        sessions.append(Session(line["runs"], line["time"], seconds, idle))
    return sessions


def _attempts_in(
    session: Session, begins: Mapping[str, list[float]], trained: Mapping[str, Trained]
) -> dict[str, int]:
    """Of each run the attempt that was made in a session, by its number; by the times of both."""
    made = {}
    for name in session.runs:
        until = min((t for t in begins[name] if t > session.began), default=float("inf"))
        for i, attempt in enumerate(trained[name].attempts if name in trained else ()):
            if session.began <= attempt.began < until:
                made[name] = i
    return made


def _add(
    found: SweepGoodput, session: Session, made: Mapping[str, int], trained: Mapping[str, Trained]
) -> None:
    """Splits a session's seconds as its steps split; without steps, by the outcomes of its runs."""
    seconds = session.seconds
    if seconds is None:  # to the last sign of life
        seen = [trained[name].attempts[i].seen for name, i in made.items()]
        seconds = max(seen, default=session.began) - session.began
        found.kinds[DEAD] += seconds
    weights = collections.Counter({"wasted": session.idle_steps})
    for name, i in made.items():
        weights.update(trained[name].steps(i))
    known = [trained[name] for name in session.runs if name in trained]
    if known:
        found.flops["wasted"] += session.idle_steps * known[0].flops_per_step
    weights = weights if weights.total() else collections.Counter(each.outcome for each in known)
    for outcome, weight in weights.items():
        found.seconds[outcome] += seconds * weight / weights.total()


def _line(name: str, flops: float, all_flops: float, seconds: float, all_seconds: float) -> str:
    shares = f"{_percent(flops, all_flops):>4}", f"{_percent(seconds, all_seconds):>4}"
    return f"{name:>10}  {flops:9.2e}  {shares[0]}  {seconds:8.1f}  {shares[1]}"


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f}" if whole else "-"
