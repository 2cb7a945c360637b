"""Laws that are sums of powers, L = E + (sum_k (A_k X_k^-alpha_k)^(1/gamma))^gamma.

In logs about the centre of the inputs, log A_k X_k^-alpha_k = a_k - alpha_k x_k. With gamma = 1
and two inputs this is Chinchilla's law (2203.15556), with one the frontier L = E + A C^-g, with
width and depth Gemstones' (2502.06857); with gamma free its outer exponent; with gamma = alpha_D
and no E Kaplan's joint law (2001.08361, equation 1.5).
"""

import math
from dataclasses import dataclass

import numpy as np

from analysis.engine import starts

NEGLIGIBLE = -60.0  # log of a coefficient that is zero for every purpose
STEEPEST = starts.STEEPEST
SMALL_SHARE = 1e-3  # a coefficient solved as zero starts from this share of the smallest loss
GAMMA = 10.0  # the outer exponent is sought from 1 / GAMMA to GAMMA
LOOSE_SHARE = 0.5  # an exponent says nothing whose standard error is this share of it
LOOSE_LOG = 1.0  # nor does a coefficient at the centre, or gamma, known to a factor of e


@dataclass(frozen=True)
class PowerTerms:
    """theta is a_1 .. a_I, E (with `floor`), alpha_1 .. alpha_I, log gamma (if `outer` is free)."""

    name: str
    inputs: tuple[str, ...]
    parameters: tuple[str, ...]
    floor: bool = True
    outer: str = "one"  # one | free | last (gamma is the last exponent)

    @property
    def scales(self) -> tuple[str, ...]:
        """The coefficients, and C0 of the frontier."""
        return (*self.parameters[: len(self.inputs)], "C0")

    @property
    def minimum_rows(self) -> int:
        """One row more than parameters."""
        return len(self.parameters) + 1

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest theta."""
        terms, shallowest = len(self.inputs), 1e-3 if self.outer == "last" else 0.0
        gamma = math.log(GAMMA)
        low = [NEGLIGIBLE] * terms + [0.0] * self.floor + [shallowest] * terms
        high = [-NEGLIGIBLE] * terms + [math.inf] * self.floor + [STEEPEST] * terms
        free = self.outer == "free"
        return np.array(low + [-gamma] * free), np.array(high + [gamma] * free)

    def split(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Coefficients (P, I), E (P, 1), exponents (P, I), gamma (P, 1) of theta (P, K)."""
        terms, at = len(self.inputs), len(self.inputs) + self.floor
        E = theta[:, terms : terms + 1] if self.floor else np.zeros((len(theta), 1))
        alpha = theta[:, at : at + terms]
        gamma = {"one": np.ones_like(E), "free": np.exp(theta[:, -1:]), "last": theta[:, -1:]}
        return theta[:, :terms], E, alpha, gamma[self.outer]

    def log_loss(self, theta: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log loss (P, R) and its jacobian (P, R, K) at theta (P, K), x (I, R)."""
        a, E, alpha, gamma = self.split(theta)
        terms, at = len(self.inputs), len(self.inputs) + self.floor
        jacobian = np.empty((len(theta), theta.shape[1], x.shape[1]))
        share = jacobian[:, :terms]  # each term's share in the loss, filled in place
        np.multiply(alpha[:, :, None], -x, out=share)
        share += a[:, :, None]
        entropy = _combine(share, gamma) if self.outer != "one" else np.exp(share, out=share)
        loss = share.sum(1)
        loss += E
        inverse = 1 / loss
        share *= inverse[:, None, :]
        if self.floor:
            jacobian[:, terms] = inverse
        np.multiply(share, -x, out=jacobian[:, at : at + terms])
        if self.outer == "free":
            jacobian[:, -1] = gamma * entropy * share.sum(1)
        elif self.outer == "last":
            jacobian[:, -1] += entropy * share.sum(1)
        return np.log(loss), jacobian.swapaxes(1, 2)

    def loosest(self, theta: np.ndarray) -> np.ndarray:
        """Standard errors (K,) of theta (K,) from which a parameter counts as not identified."""
        terms, at = len(self.inputs), len(self.inputs) + self.floor
        limit = np.full(len(theta), LOOSE_LOG)
        limit[terms:at] = np.inf  # E may be anything down to zero: its interval says so
        limit[at : at + terms] = LOOSE_SHARE * theta[at : at + terms]
        return limit

    def of_input(self, index: int) -> list[int]:
        """Coefficient and exponent of an input."""
        return [index, len(self.inputs) + self.floor + index]

    def starts(
        self, x: np.ndarray, y: np.ndarray, count: int, rng: np.random.Generator | None = None
    ) -> np.ndarray:
        """(count, K): for given exponents and gamma = 1 the law is linear in A and E."""
        terms, loss = len(self.inputs), np.exp(y)
        unit = starts.spread(count, terms + (self.outer == "free"), rng)
        alpha = starts.exponents(unit[:, :terms])
        columns = np.ones((count, terms + self.floor, len(y)))
        np.exp(-alpha[:, :, None] * x, out=columns[:, :terms])
        linear = starts.nonnegative(columns / loss, np.ones(len(y)))
        least = SMALL_SHARE * loss.min()
        a = np.log(np.maximum(linear[:, :terms], least))
        gamma = np.log(GAMMA) * (2 * unit[:, terms:] - 1) / 2
        theta = np.concatenate([a, linear[:, terms:], alpha, gamma], axis=1)
        if self.outer != "one":  # gamma shrinks the sum: one factor for all sets it right again
            theta[:, :terms] += (y - self.log_loss(theta, x)[0]).mean(1, keepdims=True)
        return theta

    def named(self, theta: np.ndarray, centre: np.ndarray) -> dict[str, float]:
        """The parameters in their own units, inputs as they are."""
        a, E, alpha, gamma = (part[0].tolist() for part in self.split(np.asarray(theta)[None]))
        power = gamma[0]
        logs = [one + slope * c for one, slope, c in zip(a, alpha, centre, strict=True)]
        if self.outer == "last":  # (Nc / N)^(alpha_N / alpha_D): Nc = A^(1 / alpha_N)
            scales = [_exp(log / slope) for log, slope in zip(logs, alpha, strict=True)]
            return dict(zip(self.parameters, scales + alpha, strict=True))
        values = [_exp(log / power) for log in logs]
        values = [0.0 if one <= NEGLIGIBLE else v for one, v in zip(a, values, strict=True)]
        values += E * self.floor + [slope / power for slope in alpha]
        return dict(zip(self.parameters, values + gamma * (self.outer == "free"), strict=True))

    def derived(self, theta: np.ndarray, centre: np.ndarray) -> dict[str, float]:
        """Exponents of the optimum, N ~ C^a, D ~ C^b and L - E ~ C^-g; of the frontier its C0."""
        _, _, alpha, _ = self.split(np.asarray(theta)[None])
        alpha = alpha[0].tolist()
        if self.inputs == ("params", "tokens"):
            total = max(sum(alpha), 1e-12)
            g = alpha[0] * alpha[1] / total
            return {"a": alpha[1] / total, "b": alpha[0] / total, "g": g}
        if self.inputs == ("flops",) and self.floor:
            return {"C0": _exp(theta[0] / max(alpha[0], 1e-12) + centre[0])}
        return {}


def _combine(terms, gamma):
    """log terms (P, I, R) become their parts of (sum t^(1/gamma))^gamma; returns dlog/dgamma."""
    top = terms.max(1)
    scaled = (terms - top[:, None]) / gamma[:, :, None]
    parts = np.exp(scaled)
    total = parts.sum(1)
    parts /= total[:, None]
    log_total = np.log(total)
    entropy = log_total - (parts * scaled).sum(1)
    np.multiply(parts, np.exp(top + gamma * log_total)[:, None], out=terms)
    return entropy


def _exp(log):
    return math.exp(min(max(log, -700.0), 700.0))
