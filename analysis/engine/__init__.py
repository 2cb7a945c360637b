"""One batched engine fits every law: all starts, resamples and held-out splits in one call."""
