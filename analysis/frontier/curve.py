"""Laws of the best loss against compute, each linear in two numbers once its shape is given.

Counted from the largest budget, u = log C - log C_last, every law says

    y = level - slope (1 - exp(-k u)) / k,     k = 0: y = level - slope u

power      y = log L, k = 0: L = A C^-g. `local` is the same through the last LOCAL budgets.
curved     y = log L, k of either sign: the local exponent changes by exp(-k) a step of one in
           log C. Above zero it dies out as towards a floor, below it grows: no floor by decree
frontier   y = L, k = g: L = E + A C^-g with E, A >= 0 (2010.14701)

`weigh` weighs the shapes k by minima; `posterior` is what they then say.
"""

from dataclasses import dataclass

import numpy as np

LOCAL = 3
SHAPES = 48  # looked at, at once
CURVED = 0.15  # standard deviation of the prior of k, per step of one in log compute
POWERS = -0.6, 0.9  # k of curved laws
EXPONENTS = 0.004, 4.0  # g of the law with a floor, even in logs


@dataclass(frozen=True)
class Law:
    """`logged`: whether y is log L; `shapes`: the ends of k, None where it is zero."""

    name: str
    logged: bool = True
    shapes: tuple[float, float] | None = None
    last: int | None = None  # budgets it is fitted to, from the largest down

    @property
    def parameters(self) -> int:
        """Numbers that the minima must tell."""
        return 2 + (self.shapes is not None)

    def grid(self, low: float, high: float) -> np.ndarray:
        """SHAPES shapes, even as the prior is."""
        return (np.linspace if self.logged else np.geomspace)(low, high, SHAPES)

    def log_prior(self, shape: np.ndarray) -> np.ndarray:
        """Log density of shapes on the law's own grid, but for a constant."""
        return -0.5 * (shape / CURVED) ** 2 if self.logged else np.zeros(len(shape))


LAWS = {
    law.name: law
    for law in (
        Law("frontier", logged=False, shapes=EXPONENTS),
        Law("power"),
        Law("local", last=LOCAL),
        Law("curved", shapes=POWERS),
    )
}


def reference(log_c: np.ndarray) -> float:
    """The compute at which A is counted: the geometric mean."""
    return float(np.exp(np.mean(log_c)))


def basis(shape: np.ndarray, u: np.ndarray) -> np.ndarray:
    """(S, M, 2): what level and slope are multiplied by at u (M,) for shapes (S,)."""
    k = np.asarray(shape, float)[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        bent = np.where(k == 0, -u, np.expm1(-k * u) / k)
    return np.stack([np.ones_like(bent), bent], axis=2)
