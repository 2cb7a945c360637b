"""Broken neural scaling laws (2210.14891, equation 1).

y = a + b x^-c0 * product over breaks i of (1 + (x / d_i)^(1 / f_i))^(-c_i f_i)

A power law whose exponent goes from c0 to c0 + c1 around x = d1; f1 is the width of the break in
log x. theta is log b at the centre, a, c0, then for each break log d_i from the centre, c_i and
log f_i.
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
    """The law with `breaks` breaks in one input."""

    name: str = "bnsl"
    breaks: int = 1
    inputs: tuple[str, ...] = ("flops",)
    search: tuple[int, int] = (4500, 24)  # starts and followed: its optima are many, its rows few

    @property
    def parameters(self) -> tuple[str, ...]:
        """b, a, c0, then d, c, f of each break."""
        each = (f"{letter}{i}" for i in range(1, self.breaks + 1) for letter in "dcf")
        return ("b", "a", "c0", *each)

    @property
    def scales(self) -> tuple[str, ...]:
        """b, and d and f of each break."""
        return ("b", *(f"{letter}{i}" for i in range(1, self.breaks + 1) for letter in "df"))

    @property
    def minimum_rows(self) -> int:
        """One row more than parameters."""
        return len(self.parameters) + 1

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest theta."""
        low = [-LARGEST, 0.0, -STEEPEST] + [-FARTHEST, -STEEPEST, math.log(SHARPEST)] * self.breaks
        high = [LARGEST, math.inf, STEEPEST] + [FARTHEST, STEEPEST, math.log(SOFTEST)] * self.breaks
        return np.array(low), np.array(high)

    def log_loss(self, theta: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log loss (P, R) and its jacobian (P, R, K) at theta (P, K), x (1, R)."""
        jacobian = np.empty((len(theta), theta.shape[1], x.shape[1]))
        jacobian[:, 0], jacobian[:, 2] = 1.0, -x[0]
        log_power = theta[:, :1] - theta[:, 2:3] * x[0]
        for at in range(3, theta.shape[1], 3):
            d, c, f = theta[:, at, None], theta[:, at + 1, None], np.exp(theta[:, at + 2, None])
            u = (x[0] - d) / f
            bend = np.logaddexp(0.0, u)
            passed = np.exp(u - bend)  # share of the break that lies behind x
            log_power = log_power - c * f * bend
            jacobian[:, at] = c * passed
            jacobian[:, at + 1] = -f * bend
            jacobian[:, at + 2] = -c * f * (bend - u * passed)
        power = np.exp(np.clip(log_power, -EXTREME, EXTREME))
        loss = power + theta[:, 1:2]
        with np.errstate(invalid="ignore"):  # 0 x inf beyond all reason: no step goes there
            jacobian *= (power / loss)[:, None]
        jacobian[:, 1] = 1 / loss
        return np.log(loss), jacobian.swapaxes(1, 2)

    def starts(
        self, x: np.ndarray, y: np.ndarray, count: int, rng: np.random.Generator | None = None
    ) -> np.ndarray:
        """(count, K): breaks anywhere in the data, exponents of both signs; a and b solved for."""
        unit = starts.spread(count, 1 + 3 * self.breaks, rng)
        theta = np.zeros((count, len(self.parameters)))
        theta[:, 2] = starts.exponents(unit[:, 0])
        span = np.ptp(x[0])
        theta[:, 3::3] = x[0].min() + span * np.sort(unit[:, 1::3], axis=1)
        theta[:, 4::3] = 2 * unit[:, 2::3] - 1
        narrow, soft = np.log(STARTS[0]), np.log(min(STARTS[1], span))
        theta[:, 5::3] = narrow + (soft - narrow) * unit[:, 3::3]
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
        values[3::3] = np.exp(theta[3::3] + centre[0])
        values[5::3] = np.exp(theta[5::3])
        return dict(zip(self.parameters, values.tolist(), strict=True))

    def derived(self, theta: np.ndarray, centre: np.ndarray) -> dict[str, float]:
        """The exponent behind the last break."""
        return {"c_last": float(theta[2] + np.sum(theta[4::3]))}


FORM = "L(C) = a + b C^-c0 (1 + (C / d1)^(1 / f1))^(-c1 f1)"
LAW = Broken()
