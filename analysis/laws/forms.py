"""Scaling laws as functions: what each predicts, nothing about how it is fitted.

C training compute (FLOPs), N parameters, D training tokens, L loss, E the loss no compute removes.
"""

import numpy as np
from numpy.typing import ArrayLike


def frontier(c: ArrayLike, E: ArrayLike, C0: ArrayLike, g: ArrayLike) -> np.ndarray:
    """L(C) = E + (C0 / C)^g, the loss of the best size at each compute; E = 0 is the power law."""
    return E + np.exp(g * (np.log(C0) - np.log(c)))


def frontier_at(
    c: ArrayLike, reference: float, E: ArrayLike, A: ArrayLike, g: ArrayLike
) -> np.ndarray:
    """The same law as L(C) = E + A (C / reference)^-g: A is the removable loss at `reference`."""
    return E + A * np.exp(-g * np.log(np.asarray(c) / reference))


def power(x: ArrayLike, k: ArrayLike, a: ArrayLike) -> np.ndarray:
    """y = k x^a, such as the compute-optimal size N*(C)."""
    return k * np.exp(a * np.log(x))


def chinchilla(
    n: ArrayLike,
    d: ArrayLike,
    E: ArrayLike,
    A: ArrayLike,
    B: ArrayLike,
    alpha: ArrayLike,
    beta: ArrayLike,
) -> np.ndarray:
    """L(N, D) = E + A N^-alpha + B D^-beta (Hoffmann et al., 2203.15556, equation 2)."""
    return E + A * np.exp(-alpha * np.log(n)) + B * np.exp(-beta * np.log(d))


def chinchilla_optimum(
    c: ArrayLike, A: float, B: float, alpha: float, beta: float, flops_per_nd: float = 6.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the N and D that minimise L at compute c = flops_per_nd N D (2203.15556, eq. 4)."""
    G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    nd = np.asarray(c) / flops_per_nd
    return G * nd ** (beta / (alpha + beta)), nd ** (alpha / (alpha + beta)) / G


def of_compute(
    c: ArrayLike,
    reference: float,
    E: ArrayLike,
    A: ArrayLike,
    g: ArrayLike,
    k: ArrayLike = 0.0,
    **_: float,
) -> np.ndarray:
    """`frontier_at`; with `k` and no E a law whose local exponent changes, g at `reference`.

    L(C) = A exp(-g (1 - exp(-k u)) / k), u = log(C / reference).
    """
    u = np.log(np.asarray(c) / reference)
    k = np.asarray(k, float)
    bent = np.where(k == 0, u, -np.expm1(-k * u) / np.where(k == 0, 1.0, k))
    return E + A * np.exp(-g * bent)
