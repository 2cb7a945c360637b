"""Mixtures of Student's t: what a fit, or several, say of one quantity."""

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special, stats

LEVEL = 0.95
FARTHEST = 1e3  # scales: a quantile is sought so far from the outermost mean


def quantile(df: float | np.ndarray, level: float = LEVEL) -> float | np.ndarray:
    """Two-sided quantile of Student's t: `level` of it lies within."""
    return special.stdtrit(df, 0.5 + level / 2)


@dataclass(frozen=True)
class Mixture:
    """S Student's t distributions with weights that add up to one; every array is (S,)."""

    weight: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    df: np.ndarray

    def below(self, value: float) -> float:
        """Probability of less than `value`."""
        return float(self.weight @ special.stdtr(self.df, (value - self.mean) / self.scale))

    def quantile(self, share: float) -> float:
        """The value below which `share` lies."""
        low = (self.mean - FARTHEST * self.scale).min()
        high = (self.mean + FARTHEST * self.scale).max()
        return float(optimize.brentq(lambda value: self.below(value) - share, low, high))

    def interval(self, level: float = LEVEL) -> list[float]:
        """Central interval [low, high]."""
        return [self.quantile(0.5 - level / 2), self.quantile(0.5 + level / 2)]

    def log_density(self, value: float) -> float:
        """Log of the density at `value`."""
        log = stats.t.logpdf(value, self.df, self.mean, self.scale)
        return float(special.logsumexp(log, b=self.weight))

    def draws(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """`count` values."""
        at = rng.choice(len(self.weight), count, p=self.weight)
        return self.mean[at] + self.scale[at] * rng.standard_t(self.df[at])


def single(mean: float, scale: float, df: float) -> Mixture:
    """A mixture of one."""
    return Mixture(np.ones(1), np.array([mean]), np.array([scale]), np.array([df]))


def stack(weights: np.ndarray, parts: list[Mixture]) -> Mixture:
    """The parts, each with its weight (stacking of predictive distributions, 1704.02030)."""
    whole = [weight * part.weight for weight, part in zip(weights, parts, strict=True)]
    columns = zip(*((p.mean, p.scale, p.df) for p in parts), strict=True)
    return Mixture(np.concatenate(whole), *(np.concatenate(column) for column in columns))
