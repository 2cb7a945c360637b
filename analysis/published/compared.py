"""A published number beside what this package finds in the same table."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from analysis.fitting.entry import Entry

Interval = Sequence[float] | None


@dataclass(frozen=True)
class Compared:
    """One number; intervals are 95 %, None where none was published or none can be said."""

    table: str  # folder of the published table
    what: str  # the rows and the law
    number: str
    published: float
    ours: float | None
    published_interval: Interval = None
    interval: Interval = None

    @property
    def inside(self) -> bool | None:
        """Whether the published number lies in our interval."""
        return None if self.interval is None else within(self.published, self.interval)

    def as_dict(self) -> dict[str, Any]:
        """A row of the table, intervals as two columns each."""
        row = asdict(self)
        for name in ("published_interval", "interval"):
            row[f"{name}_low"], row[f"{name}_high"] = row.pop(name) or (None, None)
        return row | {"inside": self.inside}


def within(value: float, interval: Sequence[float]) -> bool:
    """Whether `value` lies in an interval, its ends included."""
    return interval[0] <= value <= interval[1]


def parameters(
    table: str,
    what: str,
    fit: Entry,
    published: Mapping[str, float],
    intervals: Mapping[str, Interval] | None = None,
) -> list[Compared]:
    """The published parameters of a law beside those of its entry."""
    ours, known = {**fit.parameters, **fit.derived}, intervals or {}
    return [
        Compared(table, what, name, value, ours[name], known.get(name), fit.intervals.get(name))
        for name, value in published.items()
    ]
