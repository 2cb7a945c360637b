"""The least gain of compute that matters."""

import math

from analysis.verdict.thresholds import MIN_EFFECT, SPAN


def minimum(ratio: float) -> float:
    """The least gain that matters over `ratio` of compute: MIN_EFFECT for SPAN, in proportion."""
    return MIN_EFFECT * math.log(ratio) / math.log(SPAN)
