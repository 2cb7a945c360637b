"""The compute-optimal size, N*(C) = N (C / reference)^a, by two ways that vote alike.

`isoflop`: the power law through the minima of budgets; `chinchilla`: the surface through all runs,
where parabolas are biased on grids that are wide or off centre (2603.22339). Where both can be
told, the headline is the even mixture of them, so that their disagreement widens its interval.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from analysis.engine import student
from analysis.engine.status import Status
from analysis.engine.student import Mixture
from analysis.frontier import curve, laws
from analysis.frontier.laws import Exponent, SizeLaw
from analysis.frontier.minima import Minima
from analysis.frontier.runs import Surface

STEP = 1e-5  # of theta, for slopes
TURNS = 10  # of a best size and its FLOPs per parameter and token
APART = 3.0  # errors between the two ways from which it is said


@dataclass(frozen=True)
class Voice:
    """What one way says of a, and of log N* at log compute."""

    exponent: Mixture
    at: Callable[[float], Mixture]


def _of_surface(surface: Surface) -> Voice:
    """Chinchilla's best size in closed form (2203.15556, equation 4), its error to first order."""
    problem, theta = surface.fit.problem, surface.fit.theta

    def at(log_c):
        ratio = _log_ratio(surface, log_c)
        return _propagated(surface, theta, lambda moved: _log_size(problem, moved, log_c, ratio))

    return Voice(_propagated(surface, theta, lambda moved: _exponent(problem, moved)), at)


def _log_ratio(surface, log_c):
    """Log FLOPs per parameter and token at the best size, which it moves in turn: to rest."""
    logs = np.log(surface.per_token)
    ratio = float(np.median(logs))
    for _ in range(TURNS):
        size = _log_size(surface.fit.problem, surface.fit.theta, log_c, ratio)
        ratio = float(np.interp(size, np.log(surface.sizes), logs))
    return ratio


def _propagated(surface, theta, measured):
    value = measured(theta)
    slope = np.array([measured(theta + step) - value for step in STEP * np.eye(len(theta))]) / STEP
    scale = np.sqrt(surface.variance(slope) + 1e-24)
    return student.single(value, scale, surface.df)


def _exponent(problem, theta):
    alpha, beta = _exponents(problem, theta)
    return beta / (alpha + beta)


def _exponents(problem, theta):
    at = problem.law.parameters
    return theta[at.index("alpha")], theta[at.index("beta")]


def _log_size(problem, theta, log_c, log_ratio):
    """Where N^-alpha and D^-beta fall alike, D = C / (ratio N)."""
    alpha, beta = _exponents(problem, theta)
    centre = problem.centre
    odds = np.log(alpha) - np.log(beta) + theta[0] - theta[1]
    return (odds + alpha * centre[0] + beta * (log_c - log_ratio - centre[1])) / (alpha + beta)


def voices(found: Minima, surface: Surface | None) -> dict[str, Voice]:
    """The ways that can tell a best size, by name."""
    told = {}
    if found.noise is not None and found.estimator == "parabola" and len(found.log_c) > 2:
        law = laws.posterior_of_size(found)
        at = float(np.mean(found.log_c))
        fall = law.fall(at, at + 1)
        exponent = Mixture(fall.weight, -fall.mean, fall.scale, fall.df)
        told["isoflop"] = Voice(exponent, law.at)
    if surface is not None and not _loose(surface):
        told["chinchilla"] = _of_surface(surface)
    return told


def _loose(surface):
    """A surface whose exponents the runs do not tell, or one of which is zero, has no voice."""
    status = surface.fit.status
    untold = bool({"alpha", "beta"} & set(status.unidentified)) or status.word == "not converged"
    return untold or min(_exponents(surface.fit.problem, surface.fit.theta)) <= 0


def together(told: dict[str, Voice]) -> Voice:
    """All ways in one, each weighing alike."""

    def mixed(parts):
        return student.stack([1 / len(parts)] * len(parts), parts)

    def at(log_c):
        return mixed([voice.at(log_c) for voice in told.values()])

    return Voice(mixed([voice.exponent for voice in told.values()]), at)


def headline(told: dict[str, Voice], found: Minima) -> SizeLaw:
    """The size law of all ways that can tell it."""
    points, reference = len(found.log_c), curve.reference(found.log_c)
    if not told:
        words = "not identified: neither minima of budgets nor a surface tell a best size"
        return SizeLaw(points, reference, Status.of(words), voices={})
    whole = together(told)
    size, a = whole.at(np.log(reference)), whole.exponent
    return SizeLaw(
        points,
        reference,
        Status.of(_status(told)),
        {"N": float(np.exp(size.quantile(0.5))), "a": a.quantile(0.5)},
        {"N": np.exp(size.interval()).tolist(), "a": a.interval()},
        voices={
            name: Exponent(v.exponent.quantile(0.5), v.exponent.interval())
            for name, v in told.items()
        },
    )


def _status(told):
    if len(told) == 1:
        missing = "surface" if "isoflop" in told else "minima of budgets"
        return f"converged: by {next(iter(told))} alone, no {missing} could tell it"
    one, other = (voice.exponent for voice in told.values())
    apart = abs(one.mean[0] - other.mean[0]) / np.hypot(one.scale[0], other.scale[0])
    return (
        "converged"
        if apart < APART
        else f"converged, but its two ways are {apart:.1f} errors apart"
    )
