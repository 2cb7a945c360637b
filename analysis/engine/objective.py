"""What a fit minimises: a sum over rows of a cost of the residual, never a mean.

huber    Huber(delta) of r = log prediction - log loss (2203.15556, appendix D.2)
lad      |r|, least absolute deviation, the limit delta -> 0 of Huber / delta
log_mse  r^2
mse      (prediction - loss)^2
"""

from dataclasses import dataclass

import numpy as np

NAMES = ("huber", "lad", "log_mse", "mse")
SMOOTHED = (1e-3, 1e-4, 1e-5, 1e-6)  # least absolute deviation is reached through these deltas


@dataclass(frozen=True)
class Objective:
    """The sum of `name` over rows; `delta` is Huber's."""

    name: str = "huber"
    delta: float = 1e-3

    def __post_init__(self):
        if self.name not in NAMES:
            raise ValueError(f"objective is {self.name!r}, expected one of {', '.join(NAMES)}")
        if not self.delta > 0:
            raise ValueError(f"delta is {self.delta}, expected a number above zero")

    def residual(
        self, log_prediction: np.ndarray, log_loss: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Residuals and their slope in log prediction (None for one), both (P, rows)."""
        if self.name != "mse":
            return log_prediction - log_loss, None
        prediction = np.exp(log_prediction)
        return prediction - np.exp(log_loss), prediction

    def cost(self, residual: np.ndarray) -> np.ndarray:
        """Cost of each residual."""
        size = np.abs(residual)
        if self.name == "lad":
            return size
        if self.name != "huber":
            return size * size
        inner = np.minimum(size, self.delta)
        return inner * (size - 0.5 * inner)

    def slope(self, residual: np.ndarray) -> np.ndarray:
        """Its derivative."""
        if self.name == "lad":
            return np.sign(residual)
        if self.name != "huber":
            return 2 * residual
        return np.clip(residual, -self.delta, self.delta)

    def curvature(self, residual: np.ndarray) -> np.ndarray:
        """A stand-in for the second derivative: (delta / |r|)^3 beyond delta.

        Reweighted least squares has delta / |r|: it never overshoots, and is slow. Newton has zero:
        with few rows within delta it does not know where to go. Where residuals are many and spread
        wider than delta, the cube adds half of what Newton has, so an error shrinks to a third.
        """
        if self.name != "huber":
            return np.full_like(residual, 2.0)
        share = self.delta / np.maximum(np.abs(residual), self.delta)
        return share * share * share  # ten times as fast as ** 3

    def stages(self) -> "tuple[Objective, ...]":
        """The smooth objectives whose minima lead to this one's."""
        if self.name != "lad":
            return (self,)
        return tuple(Objective("huber", delta) for delta in SMOOTHED)
