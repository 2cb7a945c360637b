"""Where the pixels of a decoded frame go: turns and mirrors, crops, pixels that are not square."""

from fractions import Fraction
from typing import NamedTuple

import av
import numpy as np


class Orientation(NamedTuple):
    """Rows and columns change places where `transposed`; then they are flipped."""

    transposed: bool
    flip_rows: bool
    flip_columns: bool

    def __call__(self, image_HWC: np.ndarray) -> np.ndarray:
        image = image_HWC.swapaxes(0, 1) if self.transposed else image_HWC
        return image[:: -1 if self.flip_rows else 1, :: -1 if self.flip_columns else 1]


UPRIGHT = Orientation(transposed=False, flip_rows=False, flip_columns=False)


def orientation(frame: av.VideoFrame) -> Orientation:
    """What a frame's display matrix asks: (x, y) goes to (a x + c y, b x + d y)."""
    try:
        matrix = frame.side_data.get("DISPLAYMATRIX")
        if matrix is None:
            return UPRIGHT
        a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5].tolist()
    except ValueError:  # PyAV lists no side data beside a kind that it can't name (EXIF, 3D views)
        angle = np.deg2rad(frame.rotation)
        a, b, c, d = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
    if abs(b) > abs(a):
        return Orientation(True, flip_rows=b < 0, flip_columns=c < 0)
    return Orientation(False, flip_rows=d < 0, flip_columns=a < 0)


class Region(NamedTuple):
    """A crop of a frame, and the size that it is scaled to, in pixels."""

    width: int
    height: int
    left: int
    top: int
    to_width: int
    to_height: int


def region(width: int, height: int, aspect: Fraction | int, size: tuple[int, int] | None) -> Region:
    """The largest centred crop of the shape of `size` (H, W), or all, whose pixels are `aspect`
    times as wide as high.

    It is of whole pixels and starts at even ones, where the chroma of 4:2:0 has one, too.
    """
    if size is None:
        wide, tall = round(width * max(1, aspect)), round(height * max(1, 1 / aspect))
        return Region(width, height, 0, 0, wide, tall)
    tall, wide = size
    scale = min(Fraction(height, tall), width * aspect / Fraction(wide))
    across, down = max(1, round(scale * wide / aspect)), max(1, round(scale * tall))
    return Region(across, down, (width - across) // 4 * 2, (height - down) // 4 * 2, wide, tall)
