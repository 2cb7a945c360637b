"""The scale of latents: models see them with about zero mean and unit variance per channel."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np


class LatentStatistics(NamedTuple):
    """Mean and standard deviation (C,) of each channel over the training clips."""

    mean: Any
    std: Any

    def normalise(self, latent: Any) -> Any:
        """From the autoencoder's scale to about zero mean and unit variance."""
        return (latent - np.asarray(self.mean, np.float32)) / np.asarray(self.std, np.float32)

    def denormalise(self, latent: Any) -> Any:
        """Back to the autoencoder's own scale."""
        return latent * np.asarray(self.std, np.float32) + np.asarray(self.mean, np.float32)


def pooled(parts: Sequence[tuple[int, np.ndarray, np.ndarray]]) -> LatentStatistics:
    """Of all latents of the parts, each of so many with its mean (C,) and standard deviation."""
    if len(parts) == 1:
        return LatentStatistics(*parts[0][1:])
    weights = np.array([count for count, *_ in parts]) / sum(count for count, *_ in parts)
    means, stds = (np.stack(values) for values in list(zip(*parts, strict=True))[1:])
    mean = weights @ means
    return LatentStatistics(mean, np.sqrt(weights @ (stds**2 + (means - mean) ** 2)))
