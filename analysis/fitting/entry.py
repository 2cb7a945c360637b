"""One law's entry in fit.json: fitted to runs by the engine, or said why it can't be."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from analysis.engine import RESAMPLES, fit, intervals, misfit, problem
from analysis.engine.misfit import LackOfFit
from analysis.engine.objective import Objective
from analysis.engine.status import Status
from analysis.fitting.prediction import Ahead, HeldOut
from analysis.frontier.drawn import LossCurve
from analysis.frontier.flags import Flag
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
class Criterion:
    """What a fit made least; only Huber's loss has a delta."""

    name: str
    delta: float | None

    @classmethod
    def of(cls, options: Options) -> "Criterion":
        """Of fits by the engine."""
        name, delta = options.objective.name, options.objective.delta
        return cls(name, delta if name == "huber" else None)


SQUARES = Criterion("least squares of logs", None)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What is told of one law; a law that tells more has an entry of its own, a subclass.

    `parameters` are {} where the table does not identify the law; `derived` numbers follow from
    them. From `lack_of_fit` on: of some laws.
    """

    law: str
    objective: Criterion | None
    n: int
    objective_value: float | None = None
    parameters: dict[str, float | None] = field(default_factory=dict)
    derived: dict[str, Any] = field(default_factory=dict)
    intervals: dict[str, Any] = field(default_factory=dict)
    status: Status
    held_out: HeldOut | None = None
    bootstrap: int = 0
    lack_of_fit: LackOfFit | None = None
    reference: float | None = None  # compute from which a law through minima counts
    chi2: float | None = None  # of the minima about it
    spare: int | None = None
    chance: float | None = None
    fitted_to: str | None = None
    draws: dict[str, list[float]] | None = None
    curve: LossCurve | None = None
    ahead: Ahead | None = None
    warnings: tuple[Flag, ...] | None = None
    lines: tuple[str, ...] | None = None  # what else people are told
    WRITTEN: ClassVar = ("objective_value", "held_out")


@dataclass(frozen=True)
class Fitted:
    """A law fitted to runs: its entry, and what predictions are made from."""

    entry: Entry
    fit: object  # analysis.engine.fit.Fit
    reach: object  # analysis.engine.intervals.Intervals; None without resamples or with few runs


def missing(name: str, n: int, words: str) -> Entry:
    """The entry of a law that the table can't identify."""
    return Entry(law=name, objective=None, n=n, status=Status.of(f"not identified: {words}"))


def of_runs(
    law: Law,
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
    missed, draws = misfit.of(found), None
    if reach is not None and law.name in DRAWN:
        drawn = intervals.named(found, reach.thetas[:DRAWS_KEPT])
        draws = {name: drawn[name].tolist() for name in law.parameters}
    entry = Entry(
        law=law.name,
        objective=Criterion.of(options),
        n=len(loss),
        objective_value=float(found.value),
        parameters=finite(found.parameters),
        derived=finite(found.derived),
        intervals={} if reach is None else finite(reach.parameters()),
        status=_status(found, missed, bool(options.bootstrap) and reach is None),
        lack_of_fit=missed,
        bootstrap=options.bootstrap,
        draws=draws,
    )
    return Fitted(entry, found, reach)


def _status(found, missed, few):
    """The fit's status, and in its words how far the law misses, and why there are no intervals."""
    words = found.status.words
    if missed and missed.words:
        words += f"; {missed.words}"
    if few:
        runs = intervals.ENOUGH * len(found.theta)
        words += f"; no intervals: they need {runs} runs of different inputs"
    return replace(found.status, words=words)


def finite(values: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers and intervals by name, None for what is not finite."""
    return {name: _finite(value) for name, value in values.items()}


def _finite(value):
    if value is None:
        return None
    if isinstance(value, list | tuple | np.ndarray):
        return [_finite(part) for part in value]
    value = float(value)
    return value if np.isfinite(value) else None
