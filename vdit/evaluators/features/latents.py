"""What the run's own autoencoder sees: its latents, averaged over time."""

import dataclasses
import functools
import hashlib
from collections.abc import Callable

import numpy as np

from vdit.autoencoders.autoencoder import Autoencoder
from vdit.evaluators.features.cached import of_last


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

    @functools.cached_property
    def encode(self) -> Callable[[np.ndarray], np.ndarray]:
        """The autoencoder's; shares of copies are of the same videos' latents."""
        return of_last(self.autoencoder.encode)

    def __call__(self, videos: np.ndarray) -> np.ndarray:
        latents = self.encode(videos).mean(1, dtype=np.float64)
        return latents.reshape(len(videos), -1)


def build(*, autoencoder: Autoencoder) -> Latents:
    """`autoencoder`: that of a `Generator`."""
    return Latents(autoencoder)
