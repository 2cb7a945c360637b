"""What a fit is worth: converged, at which bounds, and what the data do not identify."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from analysis.engine import corner, identify
from analysis.engine.problem import Problem

FLAT_GRADIENT = 1e-4  # share of the rows' slopes that may be left where they should cancel
ROUNDING = 1e-9  # residuals below this are none
FELT = 1e-3  # parameters that move log loss by less, moved by one, count by this much


@dataclass(frozen=True)
class Status:
    """The state of a fit, for programs and for people; from `agree` on: of the engine's fits."""

    word: str  # converged | not converged | bound hit | not identified | does not fit | fitted
    words: str
    agree: float | None = None  # share of followed starts that reach the winner's value
    starts: int | None = None
    followed: int | None = None
    gradient: float | None = None  # what is left of the rows' slopes, added, as a share
    condition: float | None = None  # of the Jacobian with columns of unit length
    bounds: tuple[str, ...] | None = None  # such as "E is zero"
    unidentified: tuple[str, ...] | None = None  # names of parameters

    @classmethod
    def of(cls, words: str) -> Self:
        """Its word is what stands before a colon or comma."""
        return cls(words.split(":")[0].split(",")[0], words)


def judge(problem: Problem, theta: np.ndarray, agree: float, starts: int, followed: int) -> Status:
    """The Status of the winner theta (K,)."""
    gradient = _gradient(problem, theta)
    bounds = _bounds(problem, theta)
    unidentified, condition = identify.unidentified(problem, theta)
    word = "bound hit" if bounds else "converged"
    if gradient > FLAT_GRADIENT:
        word = "not converged"
    if unidentified:
        word = "not identified"
    words = _words(word, gradient, bounds, unidentified)
    return Status(word, words, agree, starts, followed, gradient, condition, bounds, unidentified)


def _words(word, gradient, bounds, unidentified):
    said = [", ".join(unidentified)] if unidentified else []
    said += [f"gradient {gradient:.0e}"] if word == "not converged" else []
    said += bounds
    return f"{word}: {'; '.join(said)}" if said else word


def _bounds(problem, theta):
    low, high = problem.law.bounds
    said, named = [], list(problem.law.named(theta, problem.centre).items())
    for (name, value), at_low, at_high in zip(named, theta <= low, theta >= high, strict=True):
        if at_low:
            said.append(f"{name} is zero" if value == 0 else f"{name} is at its lower end")
        if at_high:
            said.append(f"{name} is at its upper end")
    return tuple(said)


def _gradient(problem, theta):
    """The largest slope of the objective over free parameters, each over the sum of its rows'."""
    pull, jacobian = _pulls(problem, theta)
    gradient = pull @ jacobian
    low, high = problem.law.bounds
    free = ~(((theta <= low) & (gradient >= 0)) | ((theta >= high) & (gradient <= 0)))
    size = np.abs(pull)
    size += problem.weight * np.abs(problem.objective.slope(np.full_like(pull, ROUNDING)))
    total = size @ np.maximum(np.abs(jacobian), FELT)
    return float(np.max(np.abs(gradient[free]) / total[free], initial=0.0))


def _pulls(problem, theta):
    """Slope of each row's cost in its log prediction (R,), and the Jacobian (R, K)."""
    log_prediction, jacobian = problem.law.log_loss(theta[None], problem.x)
    if problem.objective.name == "lad":
        return corner.pulls(problem, theta), jacobian[0]
    residual, slope = problem.objective.residual(log_prediction, problem.log_loss[None])
    pull = problem.weight * problem.objective.slope(residual)[0]
    return (pull if slope is None else pull * slope[0]), jacobian[0]
