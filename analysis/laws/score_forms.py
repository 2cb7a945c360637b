"""Monotone forms of a score in x = log(L / L_0), L_0 the losses' geometric mean.

A form keeps to what its score can be: an error stays above zero, a share between 0 and 1.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize

STRAIGHT = 1e-4  # |p| below this: the Taylor series, where the form is 0 / 0
CURVED = 20.0  # |p| up to this is sought
FARTHEST = 700.0  # log of a score: beyond it no number is left
STEEPEST, BEYOND = 100.0, 2.0  # a sigmoid's slope; how far from the runs' x its middle may lie


@dataclass(frozen=True)
class Bent:
    """m + k (e^(p x) - 1) / p, a line in log L where p is 0; theta (K,), x and scores (R,)."""

    law: str = "metric"
    parameters: tuple[str, ...] = ("m", "k", "p")
    range: tuple[float, float] = (-np.inf, np.inf)  # which a score can't leave
    logged: bool = False

    def value(self, theta: np.ndarray, x: np.ndarray) -> np.ndarray:
        """The score at x."""
        return theta[0] + theta[1] * _bend(theta[2], x)[0]

    def jacobian(self, theta: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Its slopes (R, K) in m, k and p."""
        bent, slope = _bend(theta[2], x)
        return np.stack([np.ones_like(x), bent, theta[1] * slope], axis=-1)

    def solve(self, x: np.ndarray, score: np.ndarray) -> np.ndarray:
        """Given p the form is linear in m and k: the search starts at the best p of a grid."""
        grid = np.linspace(-CURVED, CURVED, 402)[1:-1]  # none of them zero
        bent = np.expm1(grid[:, None] * x) / grid[:, None]
        about = bent - bent.mean(1, keepdims=True)
        slope = about @ score / (about**2).sum(1)
        best = np.argmax(slope * (about @ score))  # the squares that the line explains
        start = [score.mean() - slope[best] * bent[best].mean(), slope[best], grid[best]]
        most = np.array([np.inf, np.inf, CURVED])
        return _least_squares(self, x, score, start, -most, most)

    def bounds(self, theta: np.ndarray) -> str:
        """Which bounds theta has hit, in words, or "": p, at an end of what is sought."""
        return f"p is {theta[2]:g}" if abs(theta[2]) > 0.999 * CURVED else ""


@dataclass(frozen=True)
class Sigmoid:
    """low + (high - low) / (1 + e^(k (x - middle))): from chance, low, to a ceiling, high.

    As `Bent`.
    """

    law: str = "sigmoid"
    parameters: tuple[str, ...] = ("low", "high", "k", "middle")
    range: tuple[float, float] = (0.0, 1.0)
    logged: bool = False

    def value(self, theta: np.ndarray, x: np.ndarray) -> np.ndarray:
        """The score at x."""
        low, high, k, middle = theta
        return low + (high - low) * _logistic(k * (x - middle))

    def jacobian(self, theta: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Its slopes in low, high, k and middle."""
        low, high, k, middle = theta
        share = _logistic(k * (x - middle))
        steep = -(high - low) * share * (1 - share)
        return np.stack([1 - share, share, steep * (x - middle), -steep * k], axis=-1)

    def solve(self, x: np.ndarray, score: np.ndarray) -> np.ndarray:
        """Given k and middle the form is linear in low and high: a grid, then a search."""
        least = np.array([0.0, 0.0, 0.1, x.min() - BEYOND])
        most = np.array([1.0, 1.0, STEEPEST, x.max() + BEYOND])
        grid = [
            self._given(x, score, k, middle)
            for k in np.geomspace(1.0, 0.5 * STEEPEST, 12)
            for middle in np.linspace(x.min() - 0.5, x.max() + 0.5, 15)
        ]
        rest = [((self.value(theta, x) - score) ** 2).sum() for theta in grid]
        return _least_squares(self, x, score, grid[int(np.argmin(rest))], least, most)

    def _given(self, x, score, k, middle):
        share = _logistic(k * (x - middle))
        ends = np.linalg.lstsq(np.stack([1 - share, share], 1), score, rcond=None)[0]
        return [*ends.clip(0.0, 1.0), k, middle]

    def bounds(self, theta: np.ndarray) -> str:
        """The ends that are as low or as high as a share can be."""
        ends = {name: value for name, value in zip(self.parameters[:2], theta[:2], strict=True)}
        return ", ".join(f"{k} is {v:.0f}" for k, v in ends.items() if v < 1e-6 or v > 1 - 1e-6)


def _bend(p, x):
    """((e^x)^p - 1) / p and its slope in p."""
    if abs(p) < STRAIGHT:
        return x + p * x**2 / 2 + p**2 * x**3 / 6, x**2 / 2 + p * x**3 / 3
    bent = np.expm1(p * x) / p
    return bent, (x * np.exp(p * x) - bent) / p


def _logistic(u):
    return 1 / (1 + np.exp(np.clip(u, -500, 500)))


def _least_squares(form, x, score, start, low, high):
    found = optimize.least_squares(
        lambda theta: form.value(theta, x) - score,
        np.clip(start, low, high),
        lambda theta: form.jacobian(theta, x),
        bounds=(low, high),
        x_scale="jac",
        xtol=1e-15,
        ftol=1e-15,
        gtol=1e-15,
    )
    return found.x


Form = Bent | Sigmoid  # a score as a function of x, or its logarithm, and its least squares
BENT, SIGMOID = Bent(), Sigmoid()
POSITIVE = Bent("positive", range=(0.0, np.inf), logged=True)  # an error in pixels, say
FORMS: dict[str, Form] = {form.law: form for form in (BENT, POSITIVE, SIGMOID)}


def linked(form: Form, score: ArrayLike) -> np.ndarray:
    """What is fitted of a score: its logarithm, where the form is logged."""
    score = np.asarray(score, float)
    return np.log(score) if form.logged else score


def unlinked(form: Form, fitted: np.ndarray) -> np.ndarray:
    """The score, within its range, of what was fitted."""
    score = np.exp(fitted.clip(-FARTHEST, FARTHEST)) if form.logged else fitted
    return score.clip(*form.range)


def of(scores: ArrayLike, lower_is_better: bool) -> Form:
    """The form that can't leave what the score can be, by values of it and its direction.

    POSITIVE of an error, SIGMOID of a share that is better when higher, else BENT.
    """
    scores = np.asarray(scores, float)
    if not len(scores):
        return BENT
    if lower_is_better:
        return POSITIVE if scores.min() > 0 else BENT
    return SIGMOID if scores.min() >= 0 and scores.max() <= 1 else BENT
