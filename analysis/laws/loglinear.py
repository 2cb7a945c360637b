"""Power laws y = k x1^a1 x2^a2 ... by least squares in logs, with t intervals.

In logs the law is linear, so its intervals are exact for normal scatter whatever the rows are few.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analysis.engine import student
from analysis.engine.answer import Answer
from vdit.errors import InputError


@dataclass(frozen=True)
class LogLinear:
    """A fitted power law; logs of inputs are counted from their means, `centre`."""

    names: tuple[str, ...]  # of the inputs
    centre: np.ndarray  # (I,)
    coefficients: np.ndarray  # (1 + I,) log y at the centre, then the exponents
    covariance: np.ndarray | None  # (1 + I, 1 + I); None without degrees of freedom
    df: int
    scatter: float | None  # sd of log y about the law, for a row of weight 1

    def parameters(self) -> dict[str, float]:
        """{"k": ..., input: exponent}; k is y at inputs of 1."""
        k = self.coefficients[0] - self.centre @ self.coefficients[1:]
        return dict(zip(("k", *self.names), [float(np.exp(k)), *self.exponents], strict=True))

    @property
    def exponents(self) -> list[float]:
        """The exponents as floats, in the order of `names`."""
        return [float(value) for value in self.coefficients[1:]]

    def intervals(self, level: float = 0.95) -> dict[str, list[float]]:
        """{"k": [low, high], input: [low, high]}; empty without degrees of freedom."""
        if self.df < 1:
            return {}
        reach = student.quantile(self.df, level)
        at_one = np.concatenate([[1.0], -self.centre])
        log_k = at_one @ self.coefficients
        spread = reach * np.sqrt(at_one @ self.covariance @ at_one)
        found = {"k": np.exp([log_k - spread, log_k + spread]).tolist()}
        for i, name in enumerate(self.names, start=1):
            spread = reach * np.sqrt(self.covariance[i, i])
            found[name] = [float(self.coefficients[i] + sign * spread) for sign in (-1, 1)]
        return found

    def predict(
        self, inputs: Mapping[str, float], level: float = 0.95, new: bool = False
    ) -> Answer:
        """y at {input: value}; `new` adds the scatter of one more row to its interval."""
        row = np.array([1.0, *(np.log(inputs[name]) for name in self.names)])
        row[1:] -= self.centre
        value = row @ self.coefficients
        if self.df < 1:
            return Answer(float(np.exp(value)))
        spread = np.sqrt(row @ self.covariance @ row + new * self.scatter**2)
        spread *= student.quantile(self.df, level)
        return Answer(float(np.exp(value)), np.exp([value - spread, value + spread]).tolist())


def fit(
    inputs: Mapping[str, np.ndarray],
    y: np.ndarray,
    weight: np.ndarray | None = None,
    independent: int | None = None,
) -> LogLinear:
    """Fit y = k * product of input^exponent to {input: (R,)}, y (R,) and precisions weight (R,).

    independent: of how many measurements the rows are (all of them); those that share runs count as
    one. InputError where the rows can't tell the inputs apart or are fewer than the coefficients.
    """
    names = tuple(inputs)
    logs = np.log(np.stack([np.asarray(inputs[name], float) for name in names]))
    root = np.sqrt(np.ones(len(y)) if weight is None else np.asarray(weight) / np.mean(weight))
    centre = logs.mean(1)
    design = np.vstack([np.ones(len(y)), logs - centre[:, None]]).T * root[:, None]
    target = np.log(np.asarray(y, float)) * root
    if len(y) < len(names) + 1 or np.linalg.matrix_rank(design, tol=1e-6) < len(names) + 1:
        raise InputError(
            f"a power law in {' and '.join(names)} needs {len(names) + 1} rows that differ in "
            f"each of them independently; these {len(y)} do not"
        )
    coefficients = np.linalg.lstsq(design, target, rcond=None)[0]
    count = len(y) if independent is None else independent
    df = max(count - len(names) - 1, 0)
    rest = float(((target - design @ coefficients) ** 2).sum())
    if not df:
        return LogLinear(names, centre, coefficients, None, df, None)
    variance = rest / df
    covariance = variance * np.linalg.inv(design.T @ design)
    scatter = float(np.sqrt(variance * count / len(y)))
    return LogLinear(names, centre, coefficients, covariance, df, scatter)
