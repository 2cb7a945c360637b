"""Laws through the minima of budgets: of the lowest loss, and of the best size, against compute."""

from dataclasses import dataclass, field

import numpy as np

from analysis.engine.status import Status
from analysis.frontier import curve, weigh
from analysis.frontier.drawn import SizeCurve
from analysis.frontier.minima import Minima, posterior
from analysis.frontier.posterior import Posterior

NAMES = tuple(curve.LAWS)
DRAWS = 4000


@dataclass(frozen=True)
class LossLaw:
    """A law of the best loss through the minima; `parameters` {} where they are too few for it."""

    n: int  # budgets
    reference: float  # compute at which A is counted
    status: Status
    parameters: dict[str, float | None] = field(default_factory=dict)
    intervals: dict[str, list[float]] = field(default_factory=dict)
    draws: dict[str, np.ndarray] | None = None  # (DRAWS,) each; None without any noise
    posterior: Posterior | None = None

    def between(self, log_c: np.ndarray, variance: float = 0.0) -> np.ndarray | None:
        """Interval (2, M) of the loss, None without any noise.

        Or of the minimum of a new budget, of which log loss is known to that variance.
        """
        if self.draws is None:
            return None
        found = self.posterior
        return np.exp([found.at(c, variance).interval() for c in np.atleast_1d(log_c)]).T


@dataclass(frozen=True)
class Exponent:
    """What one way says of a, with its 95 % interval."""

    a: float
    interval: list[float]


@dataclass(frozen=True)
class SizeLaw:
    """The best size, N*(C) = N (C / reference)^a; None for what the runs do not tell."""

    n: int  # budgets
    reference: float
    status: Status
    parameters: dict[str, float] | None = None  # N, a
    intervals: dict[str, list[float]] | None = None
    chi2: float | None = None
    spare: int | None = None  # degrees of freedom of chi2
    chance: float | None = None
    voices: dict[str, Exponent] | None = None  # of those that are weighed alike
    curve: SizeCurve | None = None
    draws: dict[str, list[float]] | None = None


def fit_law(law: str, minima: Minima, rng: np.random.Generator | None = None) -> LossLaw:
    """One law of `NAMES` through the minima."""
    log_c, points = minima.log_c, len(minima.log_c)
    reference = curve.reference(log_c)
    if points < min(curve.LAWS[law].parameters, curve.LOCAL):
        return LossLaw(points, reference, Status.of(f"not identified: {points} budgets"))
    found, at = posterior(law, minima), float(np.mean(log_c))
    p, drawn, ends = found.parameters(at), None, {}
    if minima.noise is not None:
        drawn = found.draws(DRAWS, at, rng or np.random.default_rng(0))
        ends = {name: np.percentile(v, [2.5, 97.5]).tolist() for name, v in drawn.items()}
        if law != "frontier":
            ends.pop("E")
    status = Status.of(_status(found, p, drawn))
    return LossLaw(points, reference, status, p | _c0(p, at), ends, drawn, found)


def _c0(p, at):
    """C0 of (C0 / C)^g = A (C / reference)^-g; with a small exponent it is beyond any number."""
    log_c0 = at + np.log(p["A"]) / p["g"] if p["A"] > 0 and p["g"] > 0 else np.inf
    return {"C0": float(np.exp(log_c0)) if abs(log_c0) < 600 else None}


def _status(found, p, drawn):
    law = found.law
    if found.spare < 1:
        budgets = found.spare + law.parameters
        return f"not identified: {budgets} budgets for {law.parameters} parameters"
    if not found.fits:
        return _misfitting(found)
    if law.name != "frontier":
        return "converged"
    if p["E"] == 0:
        return "bound hit: E is zero, the pure power law fits as well"
    low, high = curve.EXPONENTS
    if not low * 1.001 < p["g"] < high * 0.999:
        return "bound hit: g is at the end of its range, E and g are not identified"
    told = drawn is None or (drawn["E"] <= 0).mean() < 0.025
    return "converged" if told else "converged, but E is not told from zero"


def _misfitting(found):
    ratio = found.chi2 / found.spare
    return f"does not fit: chi2/df is {ratio:.3g}, its interval is widened by that scatter"


def posterior_of_size(minima: Minima) -> Posterior:
    """N*(C) = N (C / reference)^a through the minima: its slope is -a."""
    df = float(np.median(minima.df[1]))
    return weigh.posterior(
        curve.LAWS["power"], minima.log_c, np.log(minima.size), minima.size_covariance, df
    )


def fit_size(minima: Minima) -> SizeLaw:
    """The isoFLOP law of the best size.

    Where a minimum lies at or near an end of its sizes, those that were found inside are a
    selection that bends the law: no interval is given.
    """
    points, reference = len(minima.log_c), curve.reference(minima.log_c)
    if points < 2:
        return SizeLaw(points, reference, Status.of(f"not identified: {points} budgets"))
    found, at = posterior_of_size(minima), np.log(reference)
    p, ends = found.parameters(at), None
    if minima.noise is not None and minima.estimator == "parabola" and not minima.off:
        falls = found.fall(at, at + 1).interval()  # of log N over one of log C, downwards
        ends = {"N": np.exp(found.at(at).interval()).tolist(), "a": [-falls[1], -falls[0]]}
    status = Status.of(_size_status(points, minima, found))
    scatter = found.chi2, found.spare, found.chance
    return SizeLaw(points, reference, status, {"N": p["A"], "a": -p["g"]}, ends, *scatter)


def _size_status(points, minima, found):
    if minima.estimator != "parabola":
        return "not identified: too few budgets have a minimum among their sizes"
    if points < 3:
        return "not identified: 2 budgets for 2 parameters"
    if minima.off:
        return f"not identified: {minima.off} minima lie at or near an end of their sizes"
    if not found.fits:
        return _misfitting(found)
    return "converged"
