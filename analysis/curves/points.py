"""Curves of runs: points along training, the learning rate of every step, and the noise of both."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import signal, stats

from analysis.table import columns
from vdit.errors import InputError

POINTS = 200  # of a run, evenly in its steps: neighbours say the same
STEPS, RATE = "steps", "lr_final"


@dataclass(frozen=True)
class Curves:
    """Points (R,) of curves, and of each run its name and the learning rate of every step."""

    run: np.ndarray  # (R,) int
    step: np.ndarray  # (R,) int, from 1
    loss: np.ndarray  # (R,)
    params: np.ndarray  # (R,)
    names: list[str]
    rates: list[np.ndarray]  # (S,) of each run

    def sums(self) -> np.ndarray:
        """Sum of learning rates up to each point (R,)."""
        return self._at([np.cumsum(rates) for rates in self.rates])

    def areas(self, memory: float) -> np.ndarray:
        """Annealing area (R,) up to each point, of a memory in steps."""
        return self._at([area(rates, memory) for rates in self.rates])

    def _at(self, values):
        found = np.empty(len(self.run))
        for run, one in enumerate(values):
            mine = self.run == run
            found[mine] = one[self.step[mine] - 1]
        return found


def area(rates: np.ndarray, memory: float) -> np.ndarray:
    """Annealing area (S,) after every step; rises of the rate up to its peak are warm-up: none."""
    falls = -np.diff(rates, prepend=rates[0])
    falls[: rates.argmax() + 1] = 0.0
    return np.cumsum(signal.lfilter([1.0], [1.0, 1 / memory - 1.0], falls))


def curves(table: pd.DataFrame) -> Curves:
    """The curves of a table of roles; InputError where it lacks steps, rates or runs."""
    for name in (STEPS, RATE, "group"):
        if name not in table.columns:
            raise InputError(f"no column {name!r}: a law of curves needs a row a step of each run")
    if table["group"].nunique() == len(table):
        raise InputError(
            "one row a run: a law of curves needs those along it (--unannealed lets them in)"
        )
    parts = [_curve(part) for _, part in table.groupby(table["group"].astype(str), sort=True)]
    points = pd.concat([kept.assign(run=run) for run, (_, kept, _) in enumerate(parts)])
    numbers = (points[name].to_numpy() for name in ("run", "step", "loss", "params"))
    return Curves(*numbers, [name for name, _, _ in parts], [rates for _, _, rates in parts])


def _curve(part):
    """Name, points after the warm-up, at most POINTS, and the rate of every step."""
    params = columns.numbers(part, "params") if "params" in part else np.ones(len(part))
    points = {"step": columns.numbers(part, STEPS).astype(int), "rate": columns.numbers(part, RATE)}
    points |= {"loss": columns.numbers(part, "loss"), "params": params}
    points = pd.DataFrame(points).sort_values("step")
    rates = _rates(points["step"].to_numpy(), points["rate"].to_numpy())
    kept = points[points["step"] > rates.argmax()]
    at = np.linspace(0, len(kept) - 1, min(len(kept), POINTS)).round().astype(int)
    return str(part["group"].iloc[0]), kept.iloc[at], rates


def _rates(step, rate):
    """The rate of every step (S,), a line between rows; a rise at the first ones began at zero."""
    if len(rate) > 1 and rate[1] > rate[0]:
        step, rate = np.append(0, step), np.append(0.0, rate)
    return np.interp(np.arange(1, step[-1] + 1), step, rate)


@dataclass(frozen=True)
class Noise:
    """Of log loss: an offset of each run, and points about it whose neighbours are alike."""

    between: float  # sd of runs
    within: float  # sd of points
    likeness: float  # correlation of a point with the next
    quantile: float  # Student's t of a 95 % interval

    @classmethod
    def of(cls, residual: np.ndarray, run: np.ndarray, width: int) -> "Noise":
        """What residuals (R,) of a law of `width` parameters show."""
        runs, counts = run.max() + 1, np.bincount(run)
        mean = np.bincount(run, residual) / counts
        about = residual - mean[run]
        inner = float((about**2).sum() / max(len(residual) - runs - width, 1))
        same = np.diff(run) == 0
        likeness = float((about[1:] * about[:-1])[same].sum() / max((about**2).sum(), 1e-300))
        likeness = min(max(likeness, 0.0), 0.99)
        alike = (1 + likeness) / (1 - likeness) / counts  # variance of a run's mean, in `inner`
        outer = float((mean**2).sum() / max(runs - 1, 1) - inner * alike.mean())
        df = max(runs - 1, 1)
        return cls(max(outer, 0.0) ** 0.5, inner**0.5, likeness, float(stats.t.ppf(0.975, df)))

    def covariance(self, jacobian: np.ndarray, run: np.ndarray) -> np.ndarray:
        """Of least squares (K, K): (J' J)^-1 J' V J (J' J)^-1, V the noise of each run's points."""
        meat = np.zeros((jacobian.shape[1],) * 2)
        for one in range(run.max() + 1):
            mine = jacobian[run == one]
            apart = np.abs(np.subtract.outer(np.arange(len(mine)), np.arange(len(mine))))
            V = self.between**2 + self.within**2 * self.likeness**apart
            meat += mine.T @ V @ mine
        length = np.linalg.norm(jacobian, axis=0) + 1e-150
        scaled = jacobian / length
        inverse = np.linalg.pinv(scaled.T @ scaled) / np.outer(length, length)
        return inverse @ meat @ inverse
