"""How much frames change: EfficientNet's features, mean absolute differences over time.

A distance of its own: joined to the means, time disappears (shuffled frames are nearly as near).
"""

import numpy as np

from vdit.errors import InputError
from vdit.evaluators.features.frames import FrameFeatures
from vdit.evaluators.networks import efficientnet

SEES = "how much each frame differs from the one before; blind to time's direction"


def _changes(features_BTD: np.ndarray) -> np.ndarray:
    if features_BTD.shape[1] < 2:
        raise InputError("image_changes: videos of one frame: expected at least two")
    return np.abs(np.diff(features_BTD, axis=1)).mean(1)


def build(*, size: int = efficientnet.SIZE) -> FrameFeatures:
    """`size`: px of the square that a frame is stretched to."""
    return FrameFeatures("image_changes", SEES, size, efficientnet.load()[1], _changes)
