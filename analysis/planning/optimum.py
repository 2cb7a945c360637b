"""The compute-optimal size, tokens and loss at a compute, and the compute for a loss, from a fit.

Two sources: the minima of compute budgets and the laws through them (`Minima`), and the law
L(N, D) = E + A N^-alpha + B D^-beta at its best size (`Surface`). Their arrays hold the fit first
and then its P resamples, (1 + P,), so that every answer comes with its interval.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analysis.engine.answer import Answer
from analysis.fitting.result import Fit
from analysis.laws import forms
from vdit.errors import InputError

GOLDEN = (np.sqrt(5) - 1) / 2
SEARCH = 60  # golden sections: the size to the last digit that a flat minimum has
STEPS = 60  # at most, of the search for a compute
CLOSE = 1e-13  # of log compute: found
WIDE = 80.0  # log compute is sought this far about where the search starts
SIZES = (0.0, np.log(1e18))  # log sizes among which the best one is sought
COMPUTE = float(np.log(1e20))  # log compute from which a search on a surface starts
SIGNS = ("A", "B", "E", "alpha", "beta")


@dataclass(frozen=True)
class Ladder:
    """FLOPs per parameter and token, as measured at each size; the nearest size's beyond them."""

    log_size: np.ndarray  # (S,)
    log_ratio: np.ndarray  # (S,)

    def tokens(self, flops: ArrayLike, size: np.ndarray) -> np.ndarray:
        """D = C / (k(N) N)."""
        return flops / self.flops(size, 1.0)

    def flops(self, size: np.ndarray, tokens: ArrayLike) -> np.ndarray:
        """C = k(N) N D, of training."""
        return size * tokens * np.exp(np.interp(np.log(size), self.log_size, self.log_ratio))


def ladder(fit: Fit) -> Ladder:
    """The ladder of a fit, 6 FLOPs per parameter and token where it was not measured."""
    if fit.tokens is None:
        return Ladder(np.zeros(1), np.log([6.0]))
    return Ladder(np.log(fit.tokens.size), np.log(fit.tokens.flops_per_param_token))


@dataclass(frozen=True)
class Minima:
    """N* and the forecast of L* through the minima; each law has a `reference` and arrays (1 + P,).

    size_law: N, a of N* = N (C / reference)^a. loss_law: E, A, g, k of `forms.of_compute`.
    """

    name: str
    size_law: dict[str, np.ndarray | float]
    loss_law: dict[str, np.ndarray | float]
    ladder: Ladder

    def size(self, flops: ArrayLike) -> np.ndarray:
        """Best size, (1 + P,)."""
        law = self.size_law
        return law["N"] * (flops / law["reference"]) ** law["a"]

    def loss(self, flops: ArrayLike) -> np.ndarray:
        """Loss of the best size, (1 + P,); flops may be an array of that shape."""
        return forms.of_compute(flops, **self.loss_law)

    def slope(self, flops: ArrayLike) -> np.ndarray:
        """dL* / d log C, (1 + P,)."""
        law = self.loss_law
        exponent = law["g"] * np.exp(-law["k"] * np.log(flops / law["reference"]))
        return -exponent * (self.loss(flops) - law["E"])

    @property
    def floor(self) -> np.ndarray:
        """E, the loss that no compute removes, (1 + P,)."""
        return self.loss_law["E"]

    def middle(self) -> float:
        """Log compute from which a search starts."""
        return float(np.log(self.loss_law["reference"]))


@dataclass(frozen=True)
class Surface:
    """Chinchilla's law, its best size found along N D k(N) = C."""

    name: str
    parameters: dict[str, np.ndarray]  # A, B, E, alpha, beta (1 + P,)
    ladder: Ladder

    def at(self, size: np.ndarray, flops: ArrayLike) -> np.ndarray:
        """Loss of `size` trained with `flops`, (1 + P,)."""
        p = self.parameters
        tokens = self.ladder.tokens(flops, size)
        return forms.chinchilla(size, tokens, *(p[k] for k in ("E", "A", "B", "alpha", "beta")))

    def size(self, flops: ArrayLike) -> np.ndarray:
        """Best size, (1 + P,), by golden sections of log size."""
        shape = self.parameters["A"].shape
        return lowest(lambda size: self.at(size, flops), *(np.full(shape, end) for end in SIZES))

    def loss(self, flops: ArrayLike) -> np.ndarray:
        """Loss of the best size, (1 + P,)."""
        return self.at(self.size(flops), flops)

    def slope(self, flops: ArrayLike) -> np.ndarray:
        """dL* / d log C, (1 + P,): at the best size the size's own change counts for nothing."""
        p, tokens = self.parameters, self.ladder.tokens(flops, self.size(flops))
        return -p["beta"] * p["B"] * tokens ** -p["beta"]

    @property
    def floor(self) -> np.ndarray:
        """E, (1 + P,)."""
        return self.parameters["E"]

    def middle(self) -> float:
        """Log compute from which a search starts."""
        return COMPUTE


def lowest(
    value: Callable[[np.ndarray], np.ndarray], low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """The size, of log sizes from `low` to `high`, at which `value` is least: each has its own."""
    for _ in range(SEARCH):
        step = GOLDEN * (high - low)
        left = value(np.exp(high - step)) < value(np.exp(low + step))
        low, high = np.where(left, low, high - step), np.where(left, low + step, high)
    return np.exp((low + high) / 2)


def sources(fit: Fit) -> dict[str, Minima | Surface]:
    """{name: Minima or Surface} of what the fit holds, the one to plan with first."""
    found, law, size = {}, fit.loss_law, fit.size_law
    if law and size and size.parameters:
        sizes = {"reference": size.reference} | _arrays(size, "Na")
        losses = {"reference": law.reference} | _arrays(law, "EAgk")
        found["forecast"] = Minima("forecast", sizes, losses, ladder(fit))
    law = fit.laws.get("chinchilla")
    if law and law.parameters:
        found["chinchilla"] = Surface("chinchilla", _arrays(law, SIGNS), ladder(fit))
    return found


def source(fit: Fit, law: str | None = None) -> Minima | Surface:
    """The source named `law`, or the first; InputError where the fit does not hold it."""
    found = sources(fit)
    if law in found or (law is None and found):
        return found[law or next(iter(found))]
    said = fit.size_law.status.words if fit.size_law else "no compute budgets"
    if law:
        raise InputError(f"--law {law}: the fit can be planned with {', '.join(found) or 'none'}")
    raise InputError(f"the fit has no law of size and loss to plan with: {said}")


def _arrays(law, names):
    """Parameters with their draws behind them, (1 + P,)."""
    draws = law.draws or {name: [] for name in names}
    return {n: np.concatenate([[law.parameters[n]], draws[n]]) for n in names}


def answer(values: np.ndarray) -> Answer:
    """The fit's value and the 95 % interval of its resamples, None without."""
    value, draws = float(values[0]), values[1:]
    if len(draws) == 0:
        return Answer(value)
    # Linear interpolation would make NaN of two infinities: what no compute reaches stays so.
    ends = np.percentile(draws, [2.5, 97.5], method="nearest")
    return Answer(value, [float(end) if np.isfinite(end) else None for end in ends])


def compute_for(source: Minima | Surface, loss: ArrayLike) -> np.ndarray:
    """Compute at which the best size reaches `loss`, (1 + P,): infinite where none does.

    By Newton's steps in log compute, kept between bounds that close in; for each resample its own.
    """
    at = np.full(source.loss(np.exp(source.middle())).shape, source.middle())
    low, high = at - WIDE, at + WIDE
    reached = source.loss(np.exp(high)) <= loss
    for _ in range(STEPS):
        off = source.loss(np.exp(at)) - loss
        low, high = np.where(off > 0, at, low), np.where(off > 0, high, at)
        step = at - off / np.minimum(source.slope(np.exp(at)), -1e-300)
        new = np.where((step >= low) & (step <= high), step, (low + high) / 2)
        moved, at = np.abs(new - at)[reached], new
        if not (moved > CLOSE * np.abs(at[reached])).any():
            break
    return np.where(reached, np.exp(at), np.inf)
