"""Power laws y = k x1^a1 x2^a2 ... by least squares in logs, with t intervals.

In logs the law is linear, so its intervals are exact for normal scatter whatever the rows are few.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from analysis.engine import student
from vdit.errors import InputError


@dataclass(frozen=True)
class LogLinear:
    """A fitted power law; logs of inputs are counted from their means, `centre`."""

    names: tuple  # of the inputs
    centre: np.ndarray  # (I,)
    coefficients: np.ndarray  # (1 + I,) log y at the centre, then the exponents
    covariance: np.ndarray  # (1 + I, 1 + I); NaN without degrees of freedom
    df: int
    scatter: float  # sd of log y about the law, for a row of weight 1

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
    ) -> tuple[float, list[float] | None]:
        """y at {input: value} and its interval or None; `new` adds the scatter of one more row."""
        row = np.array([1.0, *(np.log(inputs[name]) for name in self.names)])
        row[1:] -= self.centre
        value = row @ self.coefficients
        if self.df < 1:
            return float(np.exp(value)), None
        spread = np.sqrt(row @ self.covariance @ row + new * self.scatter**2)
        spread *= student.quantile(self.df, level)
        return float(np.exp(value)), np.exp([value - spread, value + spread]).tolist()

    def as_dict(self) -> dict[str, Any]:
        """For JSON, whose null is a covariance that is not known; `from_dict` reads it back."""
        covariance = self.covariance.tolist() if self.df else None
        arrays = {name: getattr(self, name).tolist() for name in ("centre", "coefficients")}
        return {**asdict(self), **arrays, "covariance": covariance}


def from_dict(values: dict[str, Any]) -> LogLinear:
    """The LogLinear that `as_dict` wrote."""
    names = ("centre", "coefficients", "covariance")
    arrays = {name: np.array(values[name], float) for name in names}
    return LogLinear(**{**values, **arrays, "names": tuple(values["names"])})


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
    variance = rest / df if df else np.nan
    covariance = variance * np.linalg.inv(design.T @ design)
    scatter = float(np.sqrt(variance * count / len(y)))
    return LogLinear(names, centre, coefficients, covariance, df, scatter)
