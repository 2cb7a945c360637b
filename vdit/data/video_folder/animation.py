"""Photographs and animations (JPEG, GIF, WebP, AVIF) by Pillow: frames with their times.

It knows EXIF's orientations, and what moves in a WebP; FFmpeg and PyAV do not.
"""

import itertools
import math
import pathlib
import re
import struct
from collections.abc import Iterator

import av
import numpy as np
from PIL import Image, ImageOps, ImageSequence

from vdit.data.video_folder.clock import period_of
from vdit.data.video_folder.container import DecodeError

SUFFIXES = (".avif", ".gif", ".jpeg", ".jpg", ".webp")
UNSAID = 100  # ms that browsers show a frame of no duration
SAMPLES = 125  # ms of a frame of samples written before files said their rate
SHORTEST = 1000 // 60  # ms
DESCRIPTION = 0x010E  # EXIF's tag for a text; a GIF has comments
# What Pillow raises of damaged files, by their format and where the damage lies.
FAULTS = (
    *(OSError, EOFError, IndexError, RuntimeError, SyntaxError, ValueError),
    *(struct.error, Image.DecompressionBombError),
)


def rate_kept(fps: float) -> dict[str, str | Image.Exif]:
    """Arguments of `Image.save`: the rate as a text, for equal frames are written as one."""
    exif = Image.Exif()
    exif[DESCRIPTION] = text = f"{fps:g} fps"
    return {"comment": text, "exif": exif}


def is_still(path: pathlib.Path) -> bool:
    """Whether a file holds one picture; False for what can't be read."""
    try:
        with Image.open(path) as image:
            return getattr(image, "n_frames", 1) == 1
    except FAULTS:
        return False


def rate(path: pathlib.Path) -> float | None:
    """Frames a second, of which no header tells: all are decoded. None where that fails."""
    try:
        return 1 / _told(path)[0]
    except DecodeError:
        return None


def frames(path: pathlib.Path) -> int:
    """How many there are at that rate; 0 where decoding fails."""
    try:
        period, lasts = _told(path)
        return round(sum(lasts) / 1000 / period)
    except DecodeError:
        return 0


def read(path: pathlib.Path) -> tuple[Iterator[tuple[float, av.VideoFrame]], float, float]:
    """(seconds from the first, frame) of each picture, the period of frames, and how long the last
    one lasts. Raises `DecodeError` for what can't be read."""
    period, lasts = _told(path)
    starts = [start / 1000 for start in itertools.accumulate(lasts, initial=0)]
    return _frames(path, starts), period, lasts[-1] / 1000


def _told(path: pathlib.Path) -> tuple[float, list[int]]:
    """The period of frames in seconds, and of each picture the milliseconds that it lasts."""
    try:
        with Image.open(path) as image:
            text = image.info.get("comment", b"").decode(errors="replace")
            text = text or str(image.getexif().get(DESCRIPTION, ""))
            lasts = [_milliseconds(frame) for frame in ImageSequence.Iterator(image)]
    except FAULTS as error:
        raise DecodeError(f"can't be opened ({type(error).__name__})") from error
    return _period(text, lasts) / 1000, lasts


def _frames(path: pathlib.Path, starts: list[float]) -> Iterator[tuple[float, av.VideoFrame]]:
    try:
        with Image.open(path) as image:
            for start, picture in zip(starts, ImageSequence.Iterator(image), strict=False):
                pixels = _upright(picture)
                form = "rgba" if pixels.shape[-1] == 4 else "rgb24"
                yield start, av.VideoFrame.from_ndarray(pixels, format=form)
    except FAULTS as error:
        raise DecodeError(f"decoding fails ({type(error).__name__})") from error


def _milliseconds(frame: Image.Image) -> int:
    frame.load()  # a WebP's durations come with its pictures
    return round(frame.info.get("duration") or UNSAID)


def _period(text: str, lasts: list[int]) -> float:
    """Milliseconds: of the rate that the file says, or what all durations are multiples of.

    Where that is shorter than a frame of 60 a second, durations were rounded.
    """
    if said := re.fullmatch(r"([\d.]+) fps", text):
        return 1000 / float(said[1])
    common = math.gcd(*lasts)
    if common % SAMPLES == 0:
        return SAMPLES
    if common >= SHORTEST:
        return common
    return 1000 * period_of([start / 1000 for start in itertools.accumulate(lasts, initial=0)])


def _upright(picture: Image.Image) -> np.ndarray:
    upright = ImageOps.exif_transpose(picture)
    return np.asarray(upright.convert("RGBA" if upright.has_transparency_data else "RGB"))
