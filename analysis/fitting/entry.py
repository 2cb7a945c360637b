"""One law's entry in fit.json: fitted to runs by the engine, or said why it can't be."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.engine import RESAMPLES, fit, intervals, misfit, problem
from analysis.engine.objective import Objective

if TYPE_CHECKING:
    from analysis.laws.law import Law

DRAWN, DRAWS_KEPT = ("chinchilla",), 400  # resamples that the planner plans with


@dataclass(frozen=True)
class Options:
    """How laws are fitted: the objective, and the resamples of their intervals."""

    objective: Objective = field(default_factory=Objective)
    bootstrap: int = RESAMPLES
    seed: int = 0

    def with_at_most(self, resamples: int) -> "Options":
        """The same with fewer resamples."""
        return replace(self, bootstrap=min(self.bootstrap, resamples))

    def rng(self) -> np.random.Generator:
        """A generator of its own for each law, so that one law's fit is not moved by another's."""
        return np.random.default_rng(self.seed)


@dataclass(frozen=True)
class Fitted:
    """A law fitted to runs: its entry, and what predictions are made from."""

    entry: dict
    fit: object  # analysis.engine.fit.Fit
    reach: object  # analysis.engine.intervals.Intervals; None without resamples or with few runs


def status(words: str) -> dict[str, str]:
    """A status given as text, as the dict every entry carries: {"word", "words"}."""
    if isinstance(words, dict):
        return words
    return {"word": words.split(":")[0].split(",")[0], "words": words}


def missing(name: str, n: int, words: str, options: Options | None = None) -> dict[str, Any]:
    """The entry of a law that the table can't identify."""
    return {
        "law": name,
        "objective": objective(options) if options else None,
        "n": n,
        "objective_value": None,
        "parameters": {},
        "derived": {},
        "intervals": {},
        "status": status(f"not identified: {words}"),
        "held_out": None,
        "bootstrap": 0,
    }


def objective(options: Options) -> dict[str, Any]:
    """The objective as it stands in fit.json; only Huber's has a delta."""
    name = options.objective.name
    return {"name": name, "delta": options.objective.delta if name == "huber" else None}


def of_runs(
    law: "Law",
    inputs: Mapping[str, np.ndarray],
    loss: np.ndarray,
    options: Options,
    weight: np.ndarray | None = None,
    cluster: np.ndarray | None = None,
) -> Fitted:
    """Fit `law` (analysis.laws.law.Law) to runs: `inputs` {role: (R,)}, loss (R,); a `Fitted`.

    InputError where the rows can't identify it.
    """
    rng = options.rng()
    posed = problem.problem(law, inputs, loss, options.objective, weight, cluster)
    found = fit.fit(posed, rng=rng)
    reach = intervals.of(found, options.bootstrap, rng) if options.bootstrap else None
    missed = misfit.of(found)
    entry = {
        "law": law.name,
        "objective": objective(options),
        "n": len(loss),
        "objective_value": float(found.value),
        "parameters": plain(found.parameters),
        "derived": plain(found.derived),
        "intervals": {} if reach is None else plain(reach.parameters()),
        "status": _status(found, missed, bool(options.bootstrap) and reach is None),
        "lack_of_fit": missed and missed.as_dict(),
        "held_out": None,
        "bootstrap": options.bootstrap,
    }
    if reach is not None and law.name in DRAWN:
        drawn = intervals.named(found, reach.thetas[:DRAWS_KEPT])
        entry["draws"] = {name: drawn[name].tolist() for name in law.parameters}
    return Fitted(entry, found, reach)


def _status(found, missed, few):
    """The fit's status, and in its words how far the law misses, and why there are no intervals."""
    told = {**found.status.as_dict(), "condition": _plain(found.status.condition)}
    if missed and missed.words:
        told["words"] += f"; {missed.words}"
    if few:
        runs = intervals.ENOUGH * len(found.theta)
        told["words"] += f"; no intervals: they need {runs} runs of different inputs"
    return told


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """A dict of numbers as JSON holds it: floats, and None for what is not finite."""
    return {name: _plain(value) for name, value in values.items()}


def _plain(value):
    if value is None:
        return None
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(part) for part in value]
    value = float(value)
    return value if np.isfinite(value) else None
