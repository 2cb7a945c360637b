"""Thumbnails of a file's first windows, in one small picture a file."""

import base64
import collections
import io
import pathlib
from collections.abc import Container, Iterable, Sequence

import numpy as np
from PIL import Image

from vdit.data.contact_sheet.cards import Card
from vdit.data.tfds_source import import_tfds

WINDOWS = 3  # of a file, one under the other
SIDE = 96  # pixels of a thumbnail's longer side
GAP = 2  # clear pixels between two
QUALITY, METHOD = 60, 2  # WebP's fourth method takes twice the time for 4 % fewer bytes
HEAVY = 6_000_000  # bytes of pictures from which a page gets no further one


def of(folder: pathlib.Path, cards: Sequence[Card], every: Iterable[Card]) -> dict[str, bytes]:
    """WebP bytes for the files of `cards` that have windows, until these are `HEAVY` bytes.

    The windows of `every` file lie in its order, split by split.
    """
    builder, sprites, weight = import_tfds().builder_from_directory(folder), {}, 0
    rows = {split: builder.as_data_source(split) for split in ("train", "validation")}
    first = _places({card.name for card in cards}, every)
    for card in cards:
        if not card.windows or weight >= HEAVY:
            continue
        some = range(first[card.name], first[card.name] + min(card.windows, WINDOWS))
        clips = [rows[card.split][place]["video"] for place in some]
        sprites[card.name] = sprite(clips)
        weight += len(sprites[card.name])
    return sprites


def _places(names: Container[str], every: Iterable[Card]) -> dict[str, int]:
    """Of the files of these names, the place of the first window in its split."""
    found, before = {}, collections.Counter()
    for card in every:
        if card.name in names:
            found[card.name] = before[card.split]
        before[card.split] += card.windows
    return found


def sprite(clips: Sequence[np.ndarray]) -> bytes:
    """WebP of windows (T, H, W, 3), a row for each: its first, middle and last frame."""
    frames, height, width, _ = clips[0].shape
    scale = min(1, SIDE / max(height, width))
    wide, tall = (max(1, round(scale * side)) for side in (width, height))
    chosen = sorted({0, frames // 2, frames - 1})
    size = (len(chosen) * (wide + GAP) - GAP, len(clips) * (tall + GAP) - GAP)
    sheet = Image.new("RGBA", size)
    for row, clip in enumerate(clips):
        for column, frame in enumerate(chosen):
            small = Image.fromarray(clip[frame]).resize((wide, tall), Image.Resampling.BOX)
            sheet.paste(small, (column * (wide + GAP), row * (tall + GAP)))
    file = io.BytesIO()
    sheet.save(file, "webp", quality=QUALITY, method=METHOD)
    return file.getvalue()


def data_uri(webp: bytes) -> str:
    """The picture as an address that holds it."""
    return f"data:image/webp;base64,{base64.b64encode(webp).decode('ascii')}"
