"""The scale of latents: models see them with about zero mean and unit variance per channel."""

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
