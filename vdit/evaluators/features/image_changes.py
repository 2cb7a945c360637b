"""How much frames change: EfficientNet's features, mean absolute differences over time.

A distance of its own: joined to the means, time disappears (shuffled frames are nearly as near).
"""

import dataclasses

import numpy as np

from vdit.errors import InputError
from vdit.evaluators.networks import efficientnet


@dataclasses.dataclass(frozen=True)
class ImageChanges:
    """(B, 1280). Not divided by their deviations: channels that never fire would blow up."""

    size: int
    identity: str
    name: str = "image_changes"
    sees: str = "how much each frame differs from the one before; blind to time's direction"

    @property
    def crop(self) -> str:
        """The whole frame, stretched to a square."""
        return f"bicubic{self.size}"

    def __call__(self, videos: np.ndarray) -> np.ndarray:
        if videos.shape[1] < 2:
            raise InputError(f"{self.name}: videos of one frame: expected at least two")
        features = efficientnet.describe(videos, self.size).astype(np.float64)
        return np.abs(np.diff(features, axis=1)).mean(1)


def build(*, size: int = efficientnet.SIZE) -> ImageChanges:
    """`size`: px of the square that a frame is stretched to."""
    return ImageChanges(size, efficientnet.load()[1])
