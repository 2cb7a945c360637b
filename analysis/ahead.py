"""What budgets to come will show: the best loss, the best size, and scores of the videos."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from analysis.engine.student import Mixture
from analysis.frontier.forecast import Forecast, Outlook
from analysis.laws import metric
from analysis.scores.curve import Curve


@dataclass(frozen=True)
class Quantity:
    """A number and its interval of 95 %, None where no noise is known."""

    value: float
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class Ahead:
    """A budget to come, `factor` times the largest: its forecast, best size, and scores.

    `scores` {name: {law: quantity}}: by the score's law of compute, and by its law of loss at the
    loss that is forecast, whose own error is not in that interval. Laws that the table does not
    tell are left out.
    """

    factor: float
    forecast: Forecast
    size: Quantity | None
    scores: dict[str, dict[str, Quantity]]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"factor": self.factor, **self.forecast.as_dict()} | {
            "size": self.size and asdict(self.size),
            "scores": {
                name: {law: asdict(said) for law, said in laws.items()}
                for name, laws in self.scores.items()
            },
        }


def look(
    outlook: Outlook,
    size_at: Callable[[float], Mixture] | None,
    curves: Sequence[Curve],
    factor: float,
    flops: float,
) -> Ahead:
    """A budget of `flops`; `size_at` gives log best size at log compute, None if untold."""
    forecast = outlook.at(flops)
    scores = {curve.name: _of_score(curve, forecast) for curve in curves}
    return Ahead(factor, forecast, size_at and _size(size_at(math.log(flops))), scores)


def _size(log_size):
    low, high = np.exp(log_size.interval())
    return Quantity(float(np.exp(log_size.quantile(0.5))), (float(low), float(high)))


def _of_score(curve, forecast):
    asked = {
        "compute": (curve.of_compute, forecast.flops),
        "loss": (curve.of_loss, forecast.loss),
    }
    return {
        name: Quantity(said["value"], tuple(said["interval"]))
        for name, (law, at) in asked.items()
        if law and law["parameters"]
        for said in (metric.predict(law, at),)
    }
