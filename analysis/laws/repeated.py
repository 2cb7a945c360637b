"""Repeated data (Muennighoff et al., 2305.16264, equations 5 to 7).

L(N, D, U_D) = E + A N'^-alpha + B D'^-beta, where what is repeated counts for less and less:

D' = U_D + U_D R*_D (1 - exp(-R_D / R*_D)), R_D = D / U_D - 1     (passes beyond the first)
N' = U_N + U_N R*_N (1 - exp(-R_N / R*_N)), R_N = N / U_N - 1     (parameters beyond U_N)

U_N = min(N, N_opt(U_D)) is the size for which the unique tokens U_D are compute-optimal:
alpha A N_opt^-alpha = beta B U_D^-beta. All are fitted at once: A, B, E, alpha, beta, R*_D, R*_N.
"""

import math
from dataclasses import dataclass

import numpy as np

from analysis.engine import starts
from analysis.laws.power_terms import NEGLIGIBLE, STEEPEST

LEAST, MOST = 1e-2, 1e4  # R*: below, a repetition teaches nothing; above, it is as good as new data
FEWEST = 50.0  # in log: N_opt further below N changes nothing any more
MILDEST = 1e-3  # exponents: N_opt divides by alpha


@dataclass(frozen=True)
class Repeated:
    """theta is log A, log B, E, alpha, beta, log R*_D, log R*_N about the centre."""

    name: str = "repeated"
    inputs: tuple[str, ...] = ("params", "tokens", "unique_tokens")
    parameters: tuple[str, ...] = ("A", "B", "E", "alpha", "beta", "RD_star", "RN_star")

    scales: tuple[str, ...] = ("A", "B", "RD_star", "RN_star")

    @property
    def minimum_rows(self) -> int:
        """One row more than parameters."""
        return len(self.parameters) + 1

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest theta."""
        low = [NEGLIGIBLE] * 2 + [0.0] + [MILDEST] * 2 + [math.log(LEAST)] * 2
        high = [-NEGLIGIBLE] * 2 + [math.inf] + [STEEPEST] * 2 + [math.log(MOST)] * 2
        return np.array(low), np.array(high)

    def centre(self, logs: np.ndarray) -> np.ndarray:
        """(3,): tokens and unique tokens are counted from one centre, their ratio is needed."""
        n, d, _ = np.asarray(logs).mean(1)
        return np.array([n, d, d])

    def log_loss(self, theta: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log loss (P, R) and its jacobian (P, R, K) at theta (P, K), x (3, R)."""
        a, b, E, alpha, beta, log_d, log_n = theta.T[:, :, None]
        n, d, unique = x
        unique = np.minimum(unique, d)  # no more can be unique than was seen
        size, size_jacobian = self._unique_size(theta, unique)
        capped = size >= n
        size = np.clip(size, n - FEWEST, n)
        log_tokens, _, tokens_star = _effective(d, unique, np.exp(log_d))
        log_size, from_size, size_star = _effective(n, size, np.exp(log_n))
        powers = np.exp(a - alpha * log_size), np.exp(b - beta * log_tokens)
        loss = powers[0] + powers[1] + E
        share_a, share_b = powers[0] / loss, powers[1] / loss
        jacobian = np.empty((len(theta), 7, x.shape[1]))
        through = np.where(capped, 0.0, -share_a * alpha * from_size)
        np.multiply(size_jacobian, through[:, None], out=jacobian)
        jacobian[:, 0] += share_a
        jacobian[:, 1] += share_b
        jacobian[:, 2] = 1 / loss
        jacobian[:, 3] -= share_a * log_size
        jacobian[:, 4] -= share_b * log_tokens
        jacobian[:, 5] = -share_b * beta * tokens_star
        jacobian[:, 6] = -share_a * alpha * size_star
        return np.log(loss), jacobian.swapaxes(1, 2)

    def _unique_size(self, theta, unique):
        """Log N_opt(U_D) (P, R) and its jacobian (P, K, R)."""
        a, b, _, alpha, beta = theta.T[:5, :, None]
        size = (np.log(alpha / beta) + a - b + beta * unique) / alpha
        jacobian = np.zeros((len(theta), 7, len(unique)))
        jacobian[:, 0], jacobian[:, 1] = 1 / alpha, -1 / alpha
        jacobian[:, 3] = (1 / alpha - size) / alpha
        jacobian[:, 4] = (unique - 1 / beta) / alpha
        return size, jacobian

    def starts(
        self, x: np.ndarray, y: np.ndarray, count: int, rng: np.random.Generator | None = None
    ) -> np.ndarray:
        """(count, K): exponents and R* spread; A, B and E are solved for as if N' were N."""
        unit, loss = starts.spread(count, 4, rng), np.exp(y)
        alpha, beta = starts.exponents(unit[:, :2]).T[:, :, None]
        star = np.log(LEAST) + np.log(MOST / LEAST) * unit[:, 2:]
        log_tokens = _effective(x[1], np.minimum(x[2], x[1]), np.exp(star[:, :1]))[0]
        columns = np.ones((count, 3, len(y)))
        columns[:, 0] = np.exp(-alpha * x[0])
        columns[:, 1] = np.exp(-beta * log_tokens)
        linear = starts.nonnegative(columns / loss, np.ones(len(y)))
        logs = np.log(np.maximum(linear[:, :2], 1e-3 * loss.min()))
        return np.concatenate([logs, linear[:, 2:], alpha, beta, star], axis=1)

    def named(self, theta: np.ndarray, centre: np.ndarray) -> dict[str, float]:
        """The parameters in their own units."""
        a, b, E, alpha, beta, log_d, log_n = map(float, theta)
        A, B = math.exp(a + alpha * centre[0]), math.exp(b + beta * centre[1])
        values = A, B, E, alpha, beta, math.exp(log_d), math.exp(log_n)
        return dict(zip(self.parameters, values, strict=True))

    def derived(self, theta: np.ndarray, centre: np.ndarray) -> dict[str, float]:
        """Exponents of the optimum without repetition, N ~ C^a and D ~ C^b."""
        alpha, beta = float(theta[3]), float(theta[4])
        return {"a": beta / (alpha + beta), "b": alpha / (alpha + beta)}


def _effective(total, unique, star):
    """Log of U + U R* (1 - exp(-R / R*)) with its slopes in log U and in log R*."""
    log_repeats = total - unique
    repeats = np.expm1(log_repeats)
    fading = np.exp(-repeats / star)
    factor = 1 + star * -np.expm1(-repeats / star)
    from_unique = 1 - fading * np.exp(log_repeats) / factor
    from_star = star * (-np.expm1(-repeats / star) - fading * repeats / star) / factor
    return unique + np.log(factor), from_unique, from_star


FORM = "L(N, D, U) = E + A N'^-alpha + B D'^-beta"
LAW = Repeated()
