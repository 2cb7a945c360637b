"""Power laws y = k x1^a1 x2^a2 ... by least squares in logs, with t intervals.

In logs the law is linear, so its intervals are exact for normal scatter whatever the rows are few.
"""

from dataclasses import asdict, dataclass

import numpy as np

from analysis.table.schema import TableError


@dataclass(frozen=True)
class LogLinear:
    """A fitted power law; logs of inputs are counted from their means, `centre`."""

    names: tuple  # of the inputs
    centre: np.ndarray  # (I,)
    coefficients: np.ndarray  # (1 + I,) log y at the centre, then the exponents
    covariance: np.ndarray  # (1 + I, 1 + I); NaN without degrees of freedom
    df: int
    scatter: float  # sd of log y about the law, for a row of weight 1

    def parameters(self):
        """{"k": ..., input: exponent}; k is y at inputs of 1."""
        k = self.coefficients[0] - self.centre @ self.coefficients[1:]
        return dict(zip(("k", *self.names), [float(np.exp(k)), *self.exponents], strict=True))

    @property
    def exponents(self):
        """The exponents as floats, in the order of `names`."""
        return [float(value) for value in self.coefficients[1:]]

    def intervals(self, level=0.95):
        """{"k": [low, high], input: [low, high]}; empty without degrees of freedom."""
        if self.df < 1:
            return {}
        reach = _quantile(level, self.df)
        at_one = np.concatenate([[1.0], -self.centre])
        log_k = at_one @ self.coefficients
        spread = reach * np.sqrt(at_one @ self.covariance @ at_one)
        found = {"k": np.exp([log_k - spread, log_k + spread]).tolist()}
        for i, name in enumerate(self.names, start=1):
            spread = reach * np.sqrt(self.covariance[i, i])
            found[name] = [float(self.coefficients[i] + sign * spread) for sign in (-1, 1)]
        return found

    def predict(self, inputs, level=0.95, new=False):
        """y at {input: value} and its interval or None; `new` adds the scatter of one more row."""
        row = np.array([1.0, *(np.log(inputs[name]) for name in self.names)])
        row[1:] -= self.centre
        value = row @ self.coefficients
        if self.df < 1:
            return float(np.exp(value)), None
        spread = np.sqrt(row @ self.covariance @ row + new * self.scatter**2)
        spread *= _quantile(level, self.df)
        return float(np.exp(value)), np.exp([value - spread, value + spread]).tolist()

    def as_dict(self):
        """For JSON; `from_dict` reads it back."""
        arrays = ("centre", "coefficients", "covariance")
        return {**asdict(self), **{name: getattr(self, name).tolist() for name in arrays}}


def from_dict(values):
    """The LogLinear that `as_dict` wrote."""
    arrays = {name: np.array(values[name]) for name in ("centre", "coefficients", "covariance")}
    return LogLinear(**{**values, **arrays, "names": tuple(values["names"])})


def fit(inputs, y, weight=None):
    """Fit y = k * product of input^exponent to {input: (R,)}, y (R,) and precisions weight (R,).

    TableError where the rows can't tell the inputs apart or are fewer than the coefficients.
    """
    names = tuple(inputs)
    logs = np.log(np.stack([np.asarray(inputs[name], float) for name in names]))
    root = np.sqrt(np.ones(len(y)) if weight is None else np.asarray(weight) / np.mean(weight))
    centre = logs.mean(1)
    design = np.vstack([np.ones(len(y)), logs - centre[:, None]]).T * root[:, None]
    target = np.log(np.asarray(y, float)) * root
    if len(y) < len(names) + 1 or np.linalg.matrix_rank(design, tol=1e-6) < len(names) + 1:
        raise TableError(
            f"a power law in {' and '.join(names)} needs {len(names) + 1} rows that differ in "
            f"each of them independently; these {len(y)} do not"
        )
    coefficients = np.linalg.lstsq(design, target, rcond=None)[0]
    df = len(y) - len(names) - 1
    rest = float(((target - design @ coefficients) ** 2).sum())
    variance = rest / df if df else np.nan
    covariance = variance * np.linalg.inv(design.T @ design)
    return LogLinear(names, centre, coefficients, covariance, df, float(np.sqrt(variance)))


def _quantile(level, df):
    from scipy import stats

    return float(stats.t.ppf(0.5 + level / 2, df))
