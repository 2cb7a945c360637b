"""The verdict's thresholds, fixed before any data are seen."""

import math

MIN_EFFECT = 0.01  # least gain that matters: share by which loss falls over SPAN of compute
SPAN = 8.0  # times of compute over which the gain is taken, up to the largest budget
REPEATS = 4.0  # more passes over the data than this are marked
GAP = 0.05  # with repeats: validation loss this share above training loss is over-fitting
CONFIDENCE = 0.95
LOWER_IS_BETTER = ("acceleration",)

# Where it is undecided: what counts as a run that would decide it.
CHANCE = 0.8  # least chance that what is proposed does decide its part
SENSIBLE = 10.0  # proposals above this many times all compute spent so far are not made


def minimum(ratio: float) -> float:
    """The least gain that matters over `ratio` of compute: MIN_EFFECT for SPAN, in proportion."""
    return MIN_EFFECT * math.log(ratio) / math.log(SPAN)
