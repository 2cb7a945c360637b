"""Broken neural scaling laws (2210.14891, equation 1).

y = a + b x^-c0 (1 + (x / d1)^(1 / f1))^(-c1 f1)

With one break: a power law whose exponent goes from c0 to c0 + c1 around x = d1; f1 is the width of
the break in log x. theta is log b at the centre, a, c0, log d1 from the centre, c1, log f1.
"""

import math
from dataclasses import dataclass

import numpy as np

from analysis.engine import starts

LARGEST = 60.0  # |log b| about the centre, as good as zero or infinite
STEEPEST = 20.0  # of exponents and their changes: no bound that a table meets (the paper has 5.66)
FARTHEST = 30.0  # |log d| from the centre: a break beyond is no break
SHARPEST, SOFTEST = 2e-3, 20.0  # f, in units of log x
STARTS = 0.02, 5.0  # f of starts
EXTREME = 300.0  # |log| of a power, whose square is still a number
SMALL_SHARE = 1e-3  # a coefficient solved as zero starts from this share of the smallest loss


@dataclass(frozen=True)
class Broken:
    """The law with one break in one input."""

    name: str = "bnsl"
    inputs: tuple[str, ...] = ("flops",)
    parameters: tuple[str, ...] = ("b", "a", "c0", "d1", "c1", "f1")
    scales: tuple[str, ...] = ("b", "d1", "f1")
    minimum_rows: int = 7  # one more than parameters
    search: tuple[int, int] = (4500, 24)  # starts and followed: its optima are many, its rows few

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest theta."""
        low = [-LARGEST, 0.0, -STEEPEST, -FARTHEST, -STEEPEST, math.log(SHARPEST)]
        high = [LARGEST, math.inf, STEEPEST, FARTHEST, STEEPEST, math.log(SOFTEST)]
        return np.array(low), np.array(high)

    def log_loss(self, theta: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log loss (P, R) and its jacobian (P, R, K) at theta (P, K), x (1, R)."""
        jacobian = np.empty((len(theta), theta.shape[1], x.shape[1]))
        jacobian[:, 0], jacobian[:, 2] = 1.0, -x[0]
        d, c, f = theta[:, 3, None], theta[:, 4, None], np.exp(theta[:, 5, None])
        u = (x[0] - d) / f
        bend = np.logaddexp(0.0, u)
        passed = np.exp(u - bend)  # share of the break that lies behind x
        jacobian[:, 3], jacobian[:, 4] = c * passed, -f * bend
        jacobian[:, 5] = -c * f * (bend - u * passed)
        log_power = theta[:, :1] - theta[:, 2:3] * x[0] - c * f * bend
        power = np.exp(np.clip(log_power, -EXTREME, EXTREME))
        loss = power + theta[:, 1:2]
        with np.errstate(invalid="ignore"):  # 0 x inf beyond all reason: no step goes there
            jacobian *= (power / loss)[:, None]
        jacobian[:, 1] = 1 / loss
        return np.log(loss), jacobian.swapaxes(1, 2)

    def starts(
        self, x: np.ndarray, y: np.ndarray, count: int, rng: np.random.Generator | None = None
    ) -> np.ndarray:
        """(count, K): the break amid the data, exponents of both signs; a and b solved for."""
        unit = starts.spread(count, 4, rng)
        theta = np.zeros((count, len(self.parameters)))
        theta[:, 2] = starts.exponents(unit[:, 0])
        span = np.ptp(x[0])
        theta[:, 3] = x[0].min() + span * unit[:, 1]
        theta[:, 4] = 2 * unit[:, 2] - 1
        narrow, soft = np.log(STARTS[0]), np.log(min(STARTS[1], span))
        theta[:, 5] = narrow + (soft - narrow) * unit[:, 3]
        loss = np.exp(y)
        columns = np.ones((count, 2, len(y)))
        columns[:, 0] = np.exp(self.log_loss(theta, x)[0])
        linear = starts.nonnegative(columns / loss, np.ones(len(y)))
        scale = np.exp(self.log_loss(theta, x)[0]).max(1)
        theta[:, 0] = np.log(np.maximum(linear[:, 0], SMALL_SHARE * loss.min() / scale))
        theta[:, 1] = linear[:, 1]
        return theta

    def named(self, theta: np.ndarray, centre: np.ndarray) -> dict[str, float]:
        """The parameters in their own units, the input as it is."""
        theta = np.asarray(theta, float)
        # x^-c0 and the breaks count from x = 1 in the paper, from the centre in theta.
        values = theta.copy()
        values[0] = math.exp(min(max(theta[0] + theta[2] * centre[0], -700.0), 700.0))
        values[3], values[5] = np.exp(theta[3] + centre[0]), np.exp(theta[5])
        return dict(zip(self.parameters, values.tolist(), strict=True))

    def derived(self, theta: np.ndarray, centre: np.ndarray) -> dict[str, float]:
        """The exponent behind the break."""
        return {"c_last": float(theta[2] + theta[4])}


FORM = "L(C) = a + b C^-c0 (1 + (C / d1)^(1 / f1))^(-c1 f1)"
LAW = Broken()
