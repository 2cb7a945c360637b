"""One batched engine fits every law: all starts, resamples and held-out splits in one call."""

RESAMPLES = 199  # of every interval, where nothing else is asked for: (199 + 1) x 95 % is a whole
