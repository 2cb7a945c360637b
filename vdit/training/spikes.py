"""Spikes: logged losses far above those before them. No JAX: launchers count them too.

OLMo 2 (2501.00656) scores a run by the values that lie seven standard deviations or more from the
mean of the last 1,000. Here it is the logarithm of the loss, above its median, by seven robust
deviations (1.4826 times the median absolute one), of the last `WINDOW` logged losses: a run of ours
has few, some are of batches of eight, and one spike must not hide the next. A scatter below
`LEAST_SPREAD` is not believed, so that a spike is at least twice (e^0.7) the usual loss.

A loss is looked at when it is logged: what comes and goes between two logs (`log_every`) is unseen,
and so is a spike before `FEWEST` are known. A jump that stays counts once.
"""

import collections
import math
import statistics
from collections.abc import Iterable, Mapping
from typing import Any

WINDOW, FEWEST = 100, 16
DEVIATIONS, LEAST_SPREAD = 7.0, 0.1
MARK = "spike"  # the key of a line of metrics.jsonl at which one begins


class Spikes:
    """The losses of a run so far, and whether the last one was a spike's."""

    def __init__(self, rows: Iterable[Mapping[str, Any]] = ()):
        """`rows` are those of the metrics.jsonl of a run that goes on."""
        self._logs: collections.deque[float] = collections.deque(maxlen=WINDOW)
        self._is_high = False
        for row in kept(rows):
            self.begins(row["loss"])

    def begins(self, loss: float) -> bool:
        """Takes note of a loss; whether a spike begins with it."""
        was_high, log = self._is_high, math.log(max(loss, 1e-30))
        self._is_high = log > self._bound()
        self._logs.append(log)
        return self._is_high and not was_high

    def _bound(self) -> float:
        if len(self._logs) < FEWEST:
            return math.inf
        usual = statistics.median(self._logs)
        deviation = 1.4826 * statistics.median(abs(log - usual) for log in self._logs)
        return usual + DEVIATIONS * max(deviation, LEAST_SPREAD)


def spikes_of(rows: Iterable[Mapping[str, Any]]) -> list[int]:
    """The steps at which spikes begin, by the marks in the rows of a run's metrics.jsonl."""
    return [row["step"] for row in kept(rows) if row.get(MARK)]


def kept(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows with a loss that led to where a run is: of steps trained again, the last."""
    found: list[Mapping[str, Any]] = []
    for row in rows:
        step, loss = row.get("step"), row.get("loss")
        if row.get("resumed") and isinstance(step, int):
            found = [before for before in found if before["step"] <= step]
        elif isinstance(step, int) and isinstance(loss, float):
            found.append(row)
    return found
