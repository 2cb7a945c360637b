"""A fit as an object with names and types, and as fit.json.

Version 3 of the file is written; of version 2 is read what a plan is made from.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar

import numpy as np

from analysis import laws as every
from analysis.engine.status import Status
from analysis.fitting.entry import Entry
from analysis.frontier.drawn import IsoflopCurve, LossCurve
from analysis.frontier.flags import Flag
from analysis.frontier.forecast import Forecast, Gain
from analysis.frontier.laws import SizeLaw
from analysis.frontier.noise import Noise
from analysis.frontier.rollout import Rollout
from analysis.table import serial
from analysis.table.dropped import Dropped, Flagged
from analysis.table.hygiene import OPTIONAL
from analysis.table.query import RowFilter
from vdit.errors import InputError
from vdit.runs.files import read_json

VERSION = 3


@dataclass(frozen=True)
class Minimum:
    """The best size and loss of one compute budget, and the runs that tell them.

    One for each size: `sizes`, `losses` (means over seeds), `seeds` (their counts). `curve` is the
    parabola, None where none was fitted; intervals are of 95 %, `loss_sd` is of log loss, and None
    where no noise is known.
    """

    flops: float
    sizes: list[float]
    losses: list[float]
    seeds: list[int]
    best_run: str
    status: Status
    estimator: str  # parabola | best_run
    off_centre: bool
    size: float
    loss: float
    curve: IsoflopCurve | None = None
    loss_sd: float | None = None
    loss_interval: list[float] | None = None
    size_interval: list[float] | None = None

    @property
    def fitted(self) -> bool:
        """True where a parabola was fitted."""
        return self.status.word == "fitted"


@dataclass(frozen=True)
class FlopsRatio:
    """FLOPs per parameter and token, by size."""

    size: list[float]
    flops_per_param_token: list[float]


@dataclass(frozen=True)
class ForecastLaw:
    """The best loss in one form, `laws.forms.of_compute`, for plans: E, A, g, k and their draws."""

    reference: float
    parameters: dict[str, float]
    draws: dict[str, list[float]] | None


@dataclass(frozen=True, kw_only=True)
class OfBudgets:
    """What compute budgets add to a fit; empty where the table has none."""

    bootstrap: int = 0  # resamples asked for
    noise: Noise | None = None
    estimator: str | None = None  # of the minima: parabola | best_run
    budgets: tuple[Minimum, ...] = ()
    isoflop: SizeLaw | None = None  # the best size by the parabolas alone
    size_law: SizeLaw | None = None  # the best size by all that speak of it
    tokens: FlopsRatio | None = None
    rollout: Rollout | None = None  # how laws predicted budgets they had not seen
    curve: LossCurve | None = None  # the mixture of laws along compute
    loss_law: ForecastLaw | None = None
    forecasts: tuple[Forecast, ...] = ()
    gain: Gain | None = None
    WRITTEN: ClassVar = ("noise", "estimator", "isoflop", "size_law", "tokens", "rollout", "curve")
    WRITTEN += ("loss_law", "gain")

    @property
    def slopes(self) -> list[float]:
        """By what power of compute the best loss falls from each budget to the next."""
        flops, loss = ([getattr(b, name) for b in self.budgets] for name in ("flops", "loss"))
        return (-np.diff(np.log(loss)) / np.diff(np.log(flops))).tolist()


@dataclass(frozen=True)
class Fit(OfBudgets):
    """A law fitted to a table of runs, the laws beside it, and what was found on the way.

    `laws` {name: its entry}; `columns` {role: column}; `row_filter` chose the `rows` (their number)
    that were fitted.
    """

    law: str
    laws: dict[str, Entry]
    columns: dict[str, str]
    row_filter: RowFilter = field(default_factory=RowFilter)
    rows: int = 0
    seed: int = 0
    notes: tuple[str, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    flagged: tuple[Flagged, ...] = ()
    warnings: tuple[Flag, ...] = ()
    version: int = VERSION

    @property
    def entry(self) -> Entry:
        """The entry of the law asked for."""
        return self.laws[self.law]

    def to_json(self) -> dict[str, Any]:
        """As it stands in fit.json: at the top the entry of the law asked for.

        Its draws and curve stand among the laws alone; what budgets add, only where there are any.
        """
        told = serial.to_json(self)
        if not self.budgets:
            told = {key: value for key, value in told.items() if key not in _OF_BUDGETS}
        return serial.to_json(replace(self.entry, draws=None, curve=None)) | told

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Fit":
        """What `to_json` wrote, of this version; of version 2 what a plan is made from."""
        laws = {name: _entry(name, told) for name, told in told["laws"].items()}
        gone = [each["reason"] for each in told.get("dropped", ())]  # an older fit says no more
        asked = {"drop": [reason for reason in gone if reason in OPTIONAL]}
        plain = {"law": next(iter(laws), ""), "row_filter": asked, **told, "laws": {}}
        if not told.get("budgets"):  # the noise at the top is then the law's own
            plain |= {"noise": None}
        if told.get("version", VERSION) != VERSION:
            plain |= _of_version_2(told, laws)
        return replace(serial.from_json(cls, plain), laws=laws)

    @classmethod
    def read(cls, path: str) -> "Fit":
        """The fit in a fit.json; InputError where it is not one."""
        told = read_json(path, "a fit by analysis.fit")
        for key in ("laws", "columns"):
            if key not in told:
                raise InputError(f"{path}: no {key!r}, expected a fit by analysis.fit")
        return cls.from_json(told)


def _entry(name, told):
    """Of the law's own class, but where the table could not be asked for more than a status."""
    own = every.entry(name)
    return serial.from_json(own if serial.is_of(own, told) else Entry, told)


_OF_BUDGETS = {field.name for field in fields(OfBudgets)}


def _of_version_2(told, laws):
    """Its noise is another, its loss law that which its rollout chose."""
    law = laws.get((told.get("rollout") or {}).get("chosen"))
    changed = {"noise": None, "rollout": None, "loss_law": None}
    if law is None or "E" not in law.parameters:
        return changed
    draws = law.draws and {**law.draws, "k": [0.0] * len(law.draws["g"])}
    found = {"reference": law.reference, "parameters": {**law.parameters, "k": 0.0}}
    return changed | {"loss_law": found | {"draws": draws}}
