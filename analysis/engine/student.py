"""Student's quantile, which every interval of a mean, a slope or a minimum is made with."""

import numpy as np

LEVEL = 0.95


def quantile(df: float | np.ndarray, level: float = LEVEL) -> float | np.ndarray:
    """Two-sided quantile of Student's t: `level` of it lies within."""
    from scipy import special

    return special.stdtrit(df, 0.5 + level / 2)
