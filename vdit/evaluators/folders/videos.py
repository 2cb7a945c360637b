"""A folder of videos as clips of one shape: what it holds, and the clips, one at a time."""

import dataclasses
import hashlib
import itertools
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tqdm

from vdit.data import media
from vdit.data.video_folder import folder, record
from vdit.errors import InputError

# FFmpeg does not read what moves in a .webp, which our samples are written as; Pillow does.
EXTENSIONS = folder.EXTENSIONS | {"webp"}


class Shape(NamedTuple):
    """Of a clip, in frames and pixels."""

    frames: int
    height: int
    width: int


@dataclasses.dataclass(frozen=True)
class Folder:
    """Its videos by name, the shapes they have, other files, the SHA-256 of the videos' files."""

    root: pathlib.Path
    shapes: dict[str, Shape]
    ignored: list[str]
    content: str

    def clips(self, shape: Shape) -> Iterator[np.ndarray]:
        """Every video as uint8 (T, H, W, 3): its first frames, cropped and resized where it has
        another size."""
        for name in _bar(self.shapes, f"{self.root}: describing"):
            yield media.read_video(self.root / name, shape[1:], shape.frames)


def look(root: pathlib.Path, flag: str, most: int | None) -> Folder:
    """What the folder holds, searched deeply; of each video at most the first `most` frames.

    Raises `InputError` for a missing or empty folder and for a video that can't be read.
    """
    names, ignored = folder.list_files(root, flag, EXTENSIONS)
    shapes = {name: _shape(root / name, most) for name in _bar(names, f"{root}: looking")}
    read = f"{record.VERSION}" + "".join(folder.file_hash(root / name) for name in names)
    return Folder(root, shapes, ignored, hashlib.sha256(read.encode()).hexdigest())


def _bar(names: Iterable[str], what: str) -> Iterable[str]:
    """On a terminal alone."""
    return tqdm.tqdm(names, what, unit="video", disable=None)


def _shape(path: pathlib.Path, most: int | None) -> Shape:
    frames = itertools.islice(media.frames_of(path), most)
    height, width, _ = next(frames).shape
    return Shape(1 + sum(1 for _ in frames), height, width)


def common_shape(
    folders: Sequence[Folder], frames: int | None, size: tuple[int, int] | None
) -> Shape:
    """The clips' shape: the frames of the shortest video, or `frames`; the one size there is, or
    `size`.

    Raises `InputError` that names the video shorter than `frames`, or two of different sizes.
    """
    every = {f.root / name: shape for f in folders for name, shape in f.shapes.items()}
    shortest = min(every, key=lambda path: every[path].frames)
    if frames is not None and every[shortest].frames < frames:
        raise InputError(f"{shortest}: {every[shortest].frames} frames, --frames asks {frames}")
    if size is None:
        first, *others = every
        for other in others:
            one, two = (f"{every[p].height}x{every[p].width}" for p in (first, other))
            if one != two:
                raise InputError(
                    f"{first} is {one}, {other} is {two}: expected one size, or --size HxW"
                )
        size = every[first][1:]
    return Shape(every[shortest].frames, *size)
