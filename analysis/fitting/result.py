"""A fit as an object with names and types, and as fit.json.

Version 3 of the file is written; of version 2 is read what a plan is made from.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from analysis.frontier.flags import Flag
from analysis.frontier.forecast import Forecast
from analysis.frontier.noise import Noise
from analysis.table.dropped import Dropped

VERSION = 3
OF_BUDGETS = ("bootstrap", "estimator", "isoflop", "size_law", "tokens")
OF_BUDGETS += ("rollout", "curve", "loss_law", "gain")
LONG = ("draws", "curve")  # of the law asked for: written among the laws, not again at the top


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
    status: dict[str, str]  # word, words
    estimator: str  # parabola | best_run
    off_centre: bool
    size: float
    loss: float
    curve: dict[str, list[float]] | None = None
    loss_sd: float | None = None
    loss_interval: list[float] | None = None
    size_interval: list[float] | None = None

    @property
    def fitted(self) -> bool:
        """True where a parabola was fitted."""
        return self.status["word"] == "fitted"


@dataclass(frozen=True)
class Fit:
    """A law fitted to a table of runs, the laws beside it, and what was found on the way.

    `laws` {name: entry} (see `fitting.entry`); `columns` {role: column}; `rows` counts those
    fitted. From `noise` on: what compute budgets add, empty where the table has none.
    """

    law: str
    laws: dict[str, dict[str, Any]]
    columns: dict[str, str]
    rows: int = 0
    seed: int = 0
    notes: tuple[str, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    flagged: tuple[Dropped, ...] = ()
    warnings: tuple[Flag, ...] = ()
    bootstrap: int = 0  # resamples asked for
    noise: Noise | None = None
    estimator: str | None = None  # of the minima: parabola | best_run
    budgets: tuple[Minimum, ...] = ()
    isoflop: dict[str, Any] | None = None  # the best size by the parabolas alone
    size_law: dict[str, Any] | None = None  # the best size by all that speak of it
    tokens: dict[str, list[float]] | None = None  # FLOPs per parameter and token, by size
    rollout: dict[str, Any] | None = None  # how laws predicted budgets they had not seen
    curve: dict[str, list[float]] | None = None  # the mixture of laws along compute
    loss_law: dict[str, Any] | None = None  # the best loss in one form, for plans
    forecasts: tuple[Forecast, ...] = ()
    gain: dict[str, Any] | None = None
    version: int = VERSION

    @property
    def entry(self) -> dict[str, Any]:
        """The entry of the law asked for."""
        return self.laws[self.law]

    def to_json(self) -> dict[str, Any]:
        """As it stands in fit.json: at the top the entry of the law asked for."""
        top = {name: value for name, value in self.entry.items() if name not in LONG}
        told = ("version", "columns", "rows", "seed", "laws")
        return {
            **top,
            **{name: getattr(self, name) for name in told},
            "notes": list(self.notes),
            "dropped": [gone.as_dict() for gone in self.dropped],
            "flagged": [rows.as_dict() for rows in self.flagged],
            "warnings": [flag.as_dict() for flag in self.warnings],
            **(self._of_budgets() if self.budgets else {}),
        }

    def _of_budgets(self):
        return {name: getattr(self, name) for name in OF_BUDGETS} | {
            "noise": self.noise and {"relative": True, **vars(self.noise)},
            "budgets": [_known(asdict(budget)) for budget in self.budgets],
            "forecasts": [one.as_dict() for one in self.forecasts],
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Fit":
        """What `to_json` wrote, of this version; of version 2 what a plan is made from."""
        names = {field.name for field in fields(cls)}
        plain = {name: value for name, value in told.items() if name in names}
        noise = told.get("noise")
        typed = {
            "law": told.get("law") or next(iter(told["laws"]), ""),
            "notes": tuple(told.get("notes", ())),
            "dropped": tuple(_dropped(one, "left out") for one in told.get("dropped", ())),
            "flagged": tuple(_dropped(one, "flagged") for one in told.get("flagged", ())),
            "warnings": tuple(_of(Flag, one) for one in told.get("warnings", ())),
            "noise": _of(Noise, noise) if noise and told.get("version") == VERSION else None,
            "budgets": tuple(_of(Minimum, one) for one in told.get("budgets", ())),
            "forecasts": tuple(_of(Forecast, one) for one in told.get("forecasts", ())),
            "loss_law": told.get("loss_law") or _of_version_2(told),
        }
        return cls(**plain | typed)


def _known(values):
    """Without what is not known of a budget."""
    return {name: value for name, value in values.items() if value is not None}


def _of(kind, told):
    """A dataclass of the keys that it has."""
    names = {field.name for field in fields(kind)}
    return kind(**{name: value for name, value in told.items() if name in names})


def _dropped(told, verb):
    rows, ids = tuple(told["row_numbers"]), tuple(told["run_ids"])
    return Dropped(told["reason"], told["words"], rows, ids, verb)


def _of_version_2(told):
    """The loss law of version 2: that which its rollout chose."""
    law = told["laws"].get((told.get("rollout") or {}).get("chosen"), {})
    if "E" not in law.get("parameters", {}):
        return None
    drawn = law.get("draws")
    draws = drawn and {**drawn, "k": [0.0] * len(drawn["g"])}
    parameters = {**law["parameters"], "k": 0.0}
    return {"reference": law["reference"], "parameters": parameters, "draws": draws}
