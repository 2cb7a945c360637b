"""Student's quantile, which every interval of a mean, a slope or a minimum is made with."""

from typing import Any


def quantile(df: Any, level: float = 0.95) -> Any:
    """Half width of a two-sided interval of `level`, in standard errors of df degrees of freedom.

    df may be an array; infinite degrees give the normal's 1.96.
    """
    from scipy import special

    return special.stdtrit(df, 0.5 + level / 2)
