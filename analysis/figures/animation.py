"""Videos that play in a notebook and on a code host: an animated PNG of them, side by side.

And back: the frames of an animated picture.
"""

import io
import os
import textwrap
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageSequence

SIDE = 128  # pixels of a video's side, to which smaller ones are enlarged
GAP, LINE, LETTER = 8, 12, 6  # pixels: between videos, of a title's line, of a letter
COLOURS = 128  # of all frames: a quarter of the bytes of true colours


def apng(videos: np.ndarray, titles: Sequence[str], fps: float | None = None) -> bytes:
    """Videos uint8 (B, T, H, W, 3) with a title under each; 8 frames a second unless `fps` says."""
    zoom = max(1, -(-SIDE // min(videos.shape[2:4])))
    large = videos.repeat(zoom, 2).repeat(zoom, 3)
    padded = np.pad(large, ((0, 0), (0, 0), (0, 0), (0, GAP), (0, 0)), constant_values=255)
    strip = _title(titles, padded.shape[3])
    frames = [
        np.concatenate([np.concatenate(list(row), 1), strip]) for row in padded.swapaxes(0, 1)
    ]
    # A PNG has one palette, so all frames are reduced as one picture.
    whole = Image.fromarray(np.concatenate(frames)).quantize(COLOURS)
    height = len(frames[0])
    cut = [whole.crop((0, i * height, whole.width, (i + 1) * height)) for i in range(len(frames))]
    out = io.BytesIO()
    rate = {"duration": round(1000 / (fps or 8)), "loop": 0}
    cut[0].save(out, "PNG", save_all=True, append_images=cut[1:], **rate)
    return out.getvalue()


def frames_of(path: str | os.PathLike) -> np.ndarray:
    """uint8 (T, H, W, 3) of an animated picture; a frame that lasts longer stands for several
    equal ones, which writers merge."""
    with Image.open(path) as image:
        shown = [
            (np.asarray(one.convert("RGB")), one.info.get("duration", 0))
            for one in ImageSequence.Iterator(image)
        ]
    frames, lasting = zip(*shown, strict=True)
    unit = max(min(lasting), 1)
    return np.repeat(np.stack(frames), [max(1, round(ms / unit)) for ms in lasting], 0)


def _title(titles: Sequence[str], width: int) -> np.ndarray:
    """(H, B width, 3): the titles in columns, in as many lines as the longest takes."""
    wrapped = [textwrap.wrap(title, max(1, (width - GAP) // LETTER)) for title in titles]
    lines = max(map(len, wrapped))
    strip = Image.new("RGB", (width * len(titles), lines * LINE + GAP), "white")
    draw = ImageDraw.Draw(strip)
    for i, title in enumerate(wrapped):
        for j, line in enumerate(title):
            draw.text((i * width, j * LINE + GAP // 2), line, fill="black")
    return np.asarray(strip)
