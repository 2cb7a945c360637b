"""A network on many images: a few at a time, in one compiled shape."""

from collections.abc import Callable

import numpy as np

# Of the images that go through a network together. With more the layers leave a CPU's caches:
# EfficientNet takes 15 ms of it for each of 2 frames of 224 px, 23 ms for each of 8.
PIXELS = 2 * 224**2


def in_batches(apply: Callable, pixels: int, *arrays: np.ndarray) -> np.ndarray:
    """apply(*arrays), of which an item has so many `pixels` on its way through the network.

    The last batch is filled up with items from the beginning: one shape, one compilation.
    """
    count, size = len(arrays[0]), max(1, PIXELS // pixels)
    batches = np.resize(np.arange(count), (-(-count // size), size))
    found = [np.asarray(apply(*(array[at] for array in arrays))) for at in batches]
    return np.concatenate(found)[:count]
