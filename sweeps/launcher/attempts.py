"""What was trained of a run, as its metrics.jsonl tells: from where to where, and when.

A line is parsed where an attempt begins or ends, and no other: of 20,000 runs there are millions.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sweeps.launcher.state import Run, State, folders_of
from vdit.runs.files import NUMBER, parsed, read_json_lines, require
from vdit.training.spikes import MARK, spikes_of

OUTCOME = {"finished": "useful", "failed": "wasted", "damaged": "wasted"}  # by a run's state
METRICS, RESUMED = "metrics.jsonl", b'"resumed"'
MARKED = b": true"  # of a line that says it is resumed, or that its loss spikes, and of no other


class Attempt(NamedTuple):
    """One stretch of a run's training: from where to where (steps), when (unix seconds)."""

    start: int
    last: int
    began: float
    seen: float


class Progress(NamedTuple):
    """The attempts at a run, the steps at which its loss began to spike, and what is to be said of
    its file."""

    attempts: list[Attempt]
    spikes: list[int]
    damage: str = ""


class Trained(NamedTuple):
    """A run of the plan, the attempts at it, and what those of its steps came to that count."""

    run: Run
    attempts: list[Attempt]
    outcome: str

    def steps(self, i: int) -> dict[str, int]:
        """Steps of an attempt by outcome: those beyond the start of the next were repeated."""
        attempt = self.attempts[i]
        steps = attempt.last - attempt.start
        later = self.attempts[i + 1].start if i + 1 < len(self.attempts) else attempt.last
        repeated = min(steps, max(0, attempt.last - later))
        return {"repeated": repeated, self.outcome: steps - repeated}

    @property
    def flops_per_step(self) -> float:
        return self.run["flops"] / self.run["steps"]


def trained_of(
    root: Path, runs: Sequence[Run], states: Sequence[State]
) -> tuple[dict[str, Trained], list[str]]:
    """The runs by name, and lines on those whose loss spiked or whose metrics are damaged."""
    trained, notes = {}, []
    for run, state, folder in zip(runs, states, folders_of(root, runs), strict=True):
        progress, name = progress_of(folder), run["run_id"]
        trained[name] = Trained(run, progress.attempts, OUTCOME.get(state.name, "unfinished"))
        if progress.spikes:
            at = ", ".join(map(str, progress.spikes))
            notes.append(f"{name}: the loss spiked at step {at}")
        notes += [progress.damage] if progress.damage else []
    return trained, notes


def progress_of(folder: Path) -> Progress:
    """What metrics.jsonl tells of the run in a folder."""
    path = f"{folder}/{METRICS}"
    try:
        with open(path, "rb") as file:
            data = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return Progress([], [])
    lines, is_marked, damage = data.split(b"\n")[:-1], MARKED in data, ""
    try:
        _require_whole(data, lines)
        attempts = _attempts(lines if is_marked else lines[:1] + lines[-1:])
    except ValueError:  # a line is damaged: look at each
        bad = [str(n) for n, line in enumerate(lines, 1) if line and not _is_row(line)]
        damage = f"{path}: damaged, left out: line {', '.join(bad)}" if bad else ""
        attempts = _attempts([line for line in lines if _is_row(line)])
    has_spikes = is_marked and MARK.encode() in data
    return Progress(attempts, spikes_of(read_json_lines(path).rows) if has_spikes else [], damage)


def _require_whole(data: bytes, lines: Sequence[bytes]) -> None:
    """`ValueError` where a line does not begin and end as rows do, and each is to be looked at.

    One letter and one string are looked for: no row but one with a NaN has an N.
    """
    ends = data.startswith(b'{"step": ') and data.endswith(b"}\n")
    if lines and not (ends and data.count(b'}\n{"step": ') == len(lines) - 1 and b"N" not in data):
        raise ValueError("a line that is no row")


def _attempts(lines: Sequence[bytes]) -> list[Attempt]:
    """Each from its first line, which says so if it is resumed, to its last."""
    begins = sorted({0, *(i for i, line in enumerate(lines) if RESUMED in line)})
    ends = [*begins[1:], len(lines)]
    return [_attempt(lines[i], lines[j - 1]) for i, j in zip(begins, ends, strict=True) if i < j]


def _attempt(first: bytes, last: bytes) -> Attempt:
    first, last = _row(first), _row(last)
    start = first["step"] if first.get("resumed") else 0
    return Attempt(start, last["step"], first.get("time", 0.0), last.get("time", 0.0))


def _row(line: bytes) -> dict:
    row = parsed(line)
    require(row, {"step": int} | ({"time": NUMBER} if "time" in row else {}))
    return row


def _is_row(line: bytes) -> bool:
    try:
        return bool(_row(line))
    except ValueError:
        return False
