"""Scaling laws as functions: what each predicts, nothing about how it is fitted.

C training compute (FLOPs), N parameters, D training tokens, L loss, E the loss no compute removes.
"""

import numpy as np
from numpy.typing import ArrayLike


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


def of_compute(
    c: ArrayLike,
    reference: float,
    E: ArrayLike,
    A: ArrayLike,
    g: ArrayLike,
    k: ArrayLike = 0.0,
    **_: float,
) -> np.ndarray:
    """L(C) = E + A (C / reference)^-g: A is the removable loss at `reference`.

    With `k` and no E the local exponent changes, and is g at `reference`:
    L(C) = A exp(-g (1 - exp(-k u)) / k), u = log(C / reference).
    """
    u = np.log(np.asarray(c) / reference)
    k = np.asarray(k, float)
    bent = np.where(k == 0, u, -np.expm1(-k * u) / np.where(k == 0, 1.0, k))
    return E + A * np.exp(-g * bent)
