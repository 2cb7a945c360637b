"""The verdict's thresholds, fixed before any data are seen."""

MIN_EFFECT = 0.01  # least gain that matters: share by which loss falls over SPAN of compute
SPAN = 8.0  # times of compute over which the gain is taken, up to the largest budget
SPAN_WITHIN = 2.0  # a pair of budgets this many times off SPAN still serves
MISS_SHARE = 0.5  # a prediction may miss by this share of what "no change" misses
REPEATS = 4.0  # more passes over the data than this are marked
GAP = 0.05  # with repeats: validation loss this share above training loss is over-fitting
CONFIDENCE = 0.95
LOWER_IS_BETTER = ("acceleration",)
