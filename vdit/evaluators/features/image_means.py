"""What frames show: EfficientNet's features, averaged over time."""

import dataclasses

import numpy as np

from vdit.evaluators.networks import efficientnet


@dataclasses.dataclass(frozen=True)
class ImageMeans:
    """(B, 1280). Not divided by their deviations: channels that never fire would blow up."""

    size: int
    identity: str
    name: str = "image_means"
    sees: str = "what the frames show; blind to their order"

    @property
    def crop(self) -> str:
        """The whole frame, stretched to a square."""
        return f"bicubic{self.size}"

    def __call__(self, videos: np.ndarray) -> np.ndarray:
        return efficientnet.describe(videos, self.size).mean(1, dtype=np.float64)


def build(*, size: int = efficientnet.SIZE) -> ImageMeans:
    """`size`: px of the square that a frame is stretched to."""
    return ImageMeans(size, efficientnet.load()[1])
