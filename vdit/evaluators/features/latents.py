"""What the run's own autoencoder sees: its latents, averaged over time."""

import dataclasses
import hashlib

import numpy as np

from vdit.autoencoders.autoencoder import Autoencoder


@dataclasses.dataclass(frozen=True)
class Latents:
    """(B, h w C). Sees nothing that the autoencoder loses."""

    autoencoder: Autoencoder
    name: str = "latents"
    sees: str = "where and what the frames show; nearly blind to their order"
    crop: str = "none"

    @property
    def identity(self) -> str:
        """Of the autoencoder's weights."""
        return hashlib.sha256(self.autoencoder.fingerprint.encode()).hexdigest()[:8]

    def __call__(self, videos: np.ndarray) -> np.ndarray:
        latents = self.autoencoder.encode(videos).mean(1, dtype=np.float64)
        return latents.reshape(len(videos), -1)


def build(*, autoencoder: Autoencoder) -> Latents:
    """`autoencoder`: that of a `Generator`."""
    return Latents(autoencoder)
