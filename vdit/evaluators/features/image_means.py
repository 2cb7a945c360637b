"""What frames show: EfficientNet's features, averaged over time."""

import numpy as np

from vdit.evaluators.features.frames import FrameFeatures
from vdit.evaluators.networks import efficientnet

SEES = "what the frames show; blind to their order"


def _mean(features_BTD: np.ndarray) -> np.ndarray:
    return features_BTD.mean(1)


def build(*, size: int = efficientnet.SIZE) -> FrameFeatures:
    """`size`: px of the square that a frame is stretched to."""
    return FrameFeatures("image_means", SEES, size, efficientnet.load()[1], _mean)
