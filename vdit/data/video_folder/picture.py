"""Decoded frames to pictures: RGB in 8 bits, upright, of square pixels, on black."""

from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import Interpolation

from vdit.data.video_folder import geometry, hdr
from vdit.data.video_folder.filters import Filters

# Of libswscale: means over areas; without the other two it rounds down, by 0.8 of 255 in 8 bits.
FLAGS = "flags=area+accurate_rnd+full_chroma_int"
EXACT = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
HD = (1280, 720)  # pixels of a side from which colours without tags are BT.709's, not BT.601's
UNSPECIFIED, FULL = 2, 2  # FFmpeg's numbers: no colour space said; the range 0 to 255


class Picture:
    """Frames of one file to uint8 RGB (H, W, 3): whole, or their largest centred crop of the shape
    of `size`, each pixel the mean of the area that it covers (bilinear where a frame is smaller).

    Turns and mirrors, pixels that are not square (`aspect`), alpha, more than 8 bits and HDR are
    seen to; `notes` get what a user should know. FFmpeg's filters are set up once for a file.
    """

    def __init__(self, size: tuple[int, int] | None, notes: list[str]):
        self.aspect: Fraction | int = 1
        self._size, self._notes = size, notes
        self._form: tuple[int, int, str] | None = None

    def __call__(self, frame: av.VideoFrame) -> np.ndarray:
        form = (frame.width, frame.height, frame.format.name)
        if form != self._form:
            self._prepare(frame)
            self._form = form
        if self._alpha:
            frame = _on_black(frame)
        return self._turn(self._finish(next(self._filters(frame))))

    def _prepare(self, frame: av.VideoFrame) -> None:
        """Sets up the filters for frames like this one."""
        self._turn = geometry.orientation(frame)
        size = self._size and (self._size[::-1] if self._turn.transposed else self._size)
        crop = geometry.region(frame.width, frame.height, self.aspect, size)
        notes, matrix = [], ""
        self._alpha = any(component.is_alpha for component in frame.format.components)
        if self._alpha:
            notes.append("alpha: on black")
            frame = _on_black(frame)
        if frame.colorspace == UNSPECIFIED and (frame.width >= HD[0] or frame.height >= HD[1]):
            notes.append("HD without colour tags: read as BT.709")
            matrix = ":in_color_matrix=bt709"
        form, self._finish = _output(frame)
        if form == hdr.FORMAT:
            notes.append(f"HDR ({hdr.TRANSFERS[frame.color_trc]}): tone-mapped to BT.709")
        row = [
            ("crop", f"{crop.width}:{crop.height}:{crop.left}:{crop.top}:exact=1"),
            ("scale", f"{crop.to_width}:{crop.to_height}:{FLAGS}{matrix}"),
            ("format", form),
        ]
        self._filters = Filters(frame, row)
        self._notes += [note for note in notes if note not in self._notes]


def _output(frame: av.VideoFrame) -> tuple[str, Callable[[av.VideoFrame], np.ndarray]]:
    """The form that the filters are to give, and what makes RGB of it.

    Grey and RGB of more than 8 bits are rounded here: libswscale reads them half a level bright.
    """
    bits, count = frame.format.components[0].bits, len(frame.format.components)
    transfer, full = frame.color_trc, frame.color_range == FULL
    if count == 3 and not frame.format.is_rgb and transfer in hdr.TRANSFERS:
        return hdr.FORMAT, lambda out: hdr.tone_mapped(out.to_ndarray(), transfer, full)
    if count == 1 and bits > 8:
        most = 2**bits - 1
        return frame.format.name, lambda out: _rounded(out, most)[..., None].repeat(3, -1)
    if frame.format.is_rgb and bits > 8:
        return "rgb48le", lambda out: _rounded(out, 2**16 - 1)
    return "rgb24", lambda out: out.to_ndarray()


def _rounded(frame: av.VideoFrame, most: int) -> np.ndarray:
    return np.rint(frame.to_ndarray() * (255 / most)).astype(np.uint8)


def _on_black(frame: av.VideoFrame) -> av.VideoFrame:
    rgba = frame.to_ndarray(format="rgba", interpolation=EXACT)
    image = np.rint(rgba[..., :3] * (rgba[..., 3:] / np.float32(255)))
    return av.VideoFrame.from_ndarray(image.astype(np.uint8))
