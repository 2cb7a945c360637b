"""What scores say of known damage: seen or not, and more of it read as worse or not."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from vdit.errors import InputError

COLUMNS = ("data", "kind", "strength", "metric", "features", "value", "worse", "se")
BLOCKS = 16  # that the errors of vdit.evaluators.damage leave out one at a time
SEEN = float(stats.t.ppf(0.975, BLOCKS - 1))  # standard errors from zero
ROUNDING = 1e-5  # of a score: float32 features of the same frames repeat to this
PSNR = "psnr"  # falls with damage, and is infinite without


class Answer(NamedTuple):
    """One score's to one kind of damage, from the least of it to the most."""

    data: str
    score: str
    kind: str
    errors: tuple[float, ...]  # how much worse it reads, in standard errors; nan for PSNR
    monotone: bool  # the more damage the worse, at every strength

    @property
    def seen(self) -> bool:
        """Whether the most of it is told from none."""
        return self.errors[-1] > SEEN


def of_table(table: pd.DataFrame, name: str) -> list[Answer]:
    """Of the table of vdit.evaluators.damage, by data and score; `InputError` for another."""
    for column in COLUMNS:
        if column not in table.columns:
            raise InputError(f"{name}: missing column {column!r}")
    damaged = table[table["kind"] != "none"]
    keys = ["data", "metric", "features", "kind"]
    groups = damaged.fillna({"features": ""}).groupby(keys, sort=False)
    found = [_answer(key, rows) for key, rows in groups]
    first = list(dict.fromkeys((a.data, a.score) for a in found))
    return sorted(found, key=lambda a: first.index((a.data, a.score)))


def _answer(key: tuple[str, ...], rows: pd.DataFrame) -> Answer:
    data, metric, features, kind = key
    worse = -rows["value"] if metric == PSNR else rows["worse"]
    base = [] if metric == PSNR else [0.0]
    monotone = bool((np.diff([*base, *worse]) > 0).all())
    errors = rows["worse"] / np.hypot(rows["se"], ROUNDING * rows["value"])
    return Answer(data, f"{metric} {features}".strip(), kind, tuple(errors), monotone)


def as_lines(found: list[Answer]) -> list[str]:
    """For every score the kinds of damage that it sees, and those in which more is not worse."""
    text = []
    for data, score in dict.fromkeys((a.data, a.score) for a in found):
        own = [a for a in found if (a.data, a.score) == (data, score)]
        words = {
            "blind to": [a.kind for a in own if not a.seen and not score.startswith(PSNR)],
            "not monotone in": [a.kind for a in own if not a.monotone],
        }
        said = (f"{what} {', '.join(kinds)}" for what, kinds in words.items() if kinds)
        text.append(f"{data:8s} {score:36s} " + ("; ".join(said) or "sees all, monotone"))
    return text
