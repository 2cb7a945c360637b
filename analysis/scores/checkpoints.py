"""Two checkpoints, score by score: what differs, by how much, with an interval."""

import math
import pathlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from analysis.scores.columns import labels
from analysis.scores.noise import clips_error, level, satterthwaite
from analysis.table.checkpoints import evaluation
from analysis.table.pairs import losses_of, paired_se
from vdit.errors import InputError
from vdit.runs import folder as run_folder

MEASURED_ON = ("dataset", "autoencoder")
PAIRED = "loss_ema"  # of which the losses of every triple lie beside a run


class Checkpoint(NamedTuple):
    """A run's folder, a step, its row, and {evaluator: {options, records}}."""

    folder: pathlib.Path
    step: int
    row: Mapping[str, Any]
    evaluators: Mapping[str, Any]

    @property
    def name(self) -> str:
        """RUN at STEP."""
        return f"{self.folder.name} at {self.step}"


@dataclass(frozen=True)
class Difference:
    """Second less first of one score; None where an error is not known.

    `better`: "second", "first", or "not told" where the interval holds zero.
    """

    name: str
    first: float
    second: float
    lower_is_better: bool
    difference: float
    error: float | None
    interval: tuple[float, float] | None
    paired: bool = False

    @property
    def better(self) -> str:
        """Which of the two, or that it is not told."""
        if self.interval is None or self.interval[0] <= 0 <= self.interval[1]:
            return "not told"
        return "second" if (self.difference < 0) == self.lower_is_better else "first"


def read(path: str | pathlib.Path, step: int | None = None) -> Checkpoint:
    """What was measured of a run's checkpoint (the last one by default); InputError if nothing."""
    found = run_folder.find(path)
    there = sorted(
        int(p.stem) for p in (found / "evaluations").glob("*.json") if p.stem.isdecimal()
    )
    if not there:
        raise InputError(f"{path}: expected a run that was evaluated (python -m vdit.evaluate)")
    if step is not None and step not in there:
        raise InputError(
            f"{path}: step {step} was not evaluated, only {', '.join(map(str, there))}"
        )
    step = there[-1] if step is None else step
    made = evaluation(found / "evaluations" / f"{step}.json")
    return Checkpoint(found, step, made["row"], made["evaluators"])


def compare(first: Checkpoint, second: Checkpoint) -> tuple[list[Difference], list[str]]:
    """Every score of both, and what could not be compared, in words.

    `loss_ema` of the same triples is paired. Other scores are taken to err independently, though
    captions and real clips are shared: their intervals are a little wide. The level is shared among
    the scores. What two seeds of one config would differ by is in no error: two runs do not tell
    it. InputError for runs on other data, or without a score in common.
    """
    for key in MEASURED_ON:
        if first.row.get(key) != second.row.get(key):
            raise InputError(
                f"{first.name} has {key} {first.row.get(key)}, {second.name} {second.row.get(key)}:"
                " expected the same"
            )
    pairs, left_out = _pairs(first, second)
    if not pairs:
        words = "; ".join(left_out) or "no score in common"
        raise InputError(f"{first.name}, {second.name}: {words}")
    differ = [pair for pair in pairs if not _same(*pair)]
    same = [a["name"] for a, b in pairs if _same(a, b)]
    left_out += [f"the same without error: {', '.join(labels(same).values())}"] if same else []
    return [_difference(a, b, first, second, len(differ)) for a, b in differ], left_out


def _same(a, b):
    return a["value"] == b["value"] and not a.get("se") and not b.get("se")


def _pairs(first, second):
    """(record, record) of the scores that both have, by evaluators of the same options."""
    pairs, left_out = [], []
    for name in sorted({*first.evaluators, *second.evaluators}):
        sides = first.evaluators.get(name), second.evaluators.get(name)
        if None in sides:
            one = (first if sides[0] else second).name
            left_out.append(f"{name}: measured of {one} alone")
        elif sides[0]["options"] != sides[1]["options"]:
            left_out.append(f"{name}: {sides[0]['options']} beside {sides[1]['options']}")
        else:
            pairs += _scores(*(side["records"] for side in sides))
    return pairs, left_out


def _scores(first, second):
    """Those with a direction that are no bound of another."""
    bounds = {other for record in first for other in record.get("compared_with") or ()}
    known = {record["name"]: record for record in second}
    return [
        (record, known[record["name"]])
        for record in first
        if record["name"] in known
        and record["name"] not in bounds
        and record.get("lower_is_better") is not None
        and None not in (record["value"], known[record["name"]]["value"])
    ]


def _difference(a, b, first, second, count):
    value = b["value"] - a["value"]
    paired = _paired(first, second) if a["name"] == PAIRED else None
    known = [clips_error(r.get("se"), r.get("df"), r.get("n")) for r in (a, b)]
    errors = [paired] if paired is not None else [one.se for one in known]
    error = None if None in errors else math.hypot(*errors)
    interval = None
    if error is not None:
        reach = level(count, satterthwaite(error, known if paired is None else []))
        interval = value - reach * error, value + reach * error
    ends = a["value"], b["value"]
    return Difference(
        a["name"], *ends, a["lower_is_better"], value, error, interval, paired is not None
    )


def _paired(first, second):
    """The paired error of two last steps; None where they have other triples, or none."""
    told = [losses_of(c.folder, _tell) for c in (first, second) if c.step == c.row.get("steps")]
    if len(told) < 2 or None in told or (told[0]["t"].shape != told[1]["t"].shape):
        return None
    if (told[0]["t"] != told[1]["t"]).any():
        return None
    return paired_se(told[1][PAIRED] - told[0][PAIRED], told[0]["t"])


def _tell(words):
    print(words, file=sys.stderr)
