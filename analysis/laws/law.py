"""What the engine asks of a law."""

from typing import Protocol

import numpy as np


class Law(Protocol):
    """A loss as a function of log inputs, with the parameters the engine moves (theta).

    theta[i] moves `parameters[i]`: the names of bounds and of what is not identified rest on it.
    Some may be left out: `centre(logs)`, the centre (I,) of log inputs (I, R) where it is not their
    mean; `loosest(theta)`, the standard errors (K,) from which a parameter counts as not
    identified; `of_input(i)`, the indices of the parameters that input i alone tells; `search`,
    how many starts are tried and followed where the usual number is too few; `scales`, the names
    of parameters that are above zero and known by their logarithm.
    """

    name: str
    inputs: tuple[str, ...]  # of params, tokens, flops, width, depth, unique_tokens
    parameters: tuple[str, ...]  # as printed
    minimum_rows: int

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest theta, each (K,)."""

    def log_loss(self, theta: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log loss (P, R) and its jacobian (P, R, K) at theta (P, K), centred log inputs x (I, R).

        Fast where the jacobian is a swapped view of contiguous (P, K, R).
        """

    def starts(
        self, x: np.ndarray, y: np.ndarray, count: int, rng: np.random.Generator | None
    ) -> np.ndarray:
        """At most `count` starts (S, K) for log losses y (R,)."""

    def named(self, theta: np.ndarray, centre: np.ndarray) -> dict[str, float]:
        """The parameters in their own units, from theta (K,); E is 0.0 at its floor."""

    def derived(self, theta: np.ndarray, centre: np.ndarray) -> dict[str, float]:
        """What follows from them, such as the exponents of the optimum; {} where nothing does."""
