"""EfficientNet's features of all frames of a video as one vector: what two extractors share."""

import dataclasses
from collections.abc import Callable

import numpy as np

from vdit.evaluators.networks import efficientnet


@dataclasses.dataclass(frozen=True)
class FrameFeatures:
    """(B, 1280). Not divided by their deviations: channels that never fire would blow up.

    `over_time` makes (B, 1280) of float64 (B, T, 1280); `size`: px of the square that a frame is
    stretched to.
    """

    name: str
    sees: str
    size: int
    identity: str
    over_time: Callable[[np.ndarray], np.ndarray]

    @property
    def crop(self) -> str:
        """The whole frame, stretched to a square."""
        return f"bicubic{self.size}"

    def __call__(self, videos: np.ndarray) -> np.ndarray:
        return self.over_time(efficientnet.describe(videos, self.size).astype(np.float64))
