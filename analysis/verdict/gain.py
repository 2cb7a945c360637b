"""The gain of compute: by what share the frontier's loss falls over SPAN, and what would matter."""

import math
from typing import Any

from analysis.fitting.result import Fit
from analysis.verdict.thresholds import MIN_EFFECT, SPAN


def gain(fit: Fit) -> dict[str, Any] | None:
    """The fit's gain (`frontier.forecast.Outlook.gain`) beside the least that matters; or None."""
    found = fit.gain
    return found and found | {"minimum": minimum(found["ratio"])}


def minimum(ratio: float) -> float:
    """The least gain that matters over `ratio` of compute: MIN_EFFECT for SPAN, in proportion."""
    return MIN_EFFECT * math.log(ratio) / math.log(SPAN)
