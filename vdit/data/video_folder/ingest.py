"""A folder of videos to windows on disk, one spool file for a video."""

import dataclasses
import pathlib
from collections.abc import Callable, Iterator

import av
import numpy as np

from vdit.data.video_folder import container, decode, stretches, windows
from vdit.data.video_folder.picture import Picture


@dataclasses.dataclass(frozen=True)
class Settings:
    """What decides the content of a prepared folder, beside the files and captions."""

    frames: int
    height: int
    width: int
    stride: int
    hop: int
    tile: bool
    validation: float
    seed: int
    fps: float | None = None  # None: each file's own rate
    keep_near_duplicates: bool = False


@dataclasses.dataclass
class Video:
    """One file: where it lies, what became of it, and where its windows wait (`spool`)."""

    name: str
    caption: str
    spool: pathlib.Path
    sha256: str = ""
    index: int = 0  # among all videos, in order of name
    side: str = ""  # of the split, or its recording, as was asked
    status: str = "whole"  # or "part", "short", "unreadable"
    reason: str = ""
    frames: int = 0
    lost: int = 0  # to damage, before others that could be read
    fps: float | None = None  # the file's own rate
    places: list[tuple[int, int, int]] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)
    split: str = ""
    left_out: set[int] = dataclasses.field(default_factory=set)  # of the windows, by index

    @property
    def windows(self) -> int:
        """How many windows the data set has of it."""
        return len(self.places) - len(self.left_out)

    def clips(self, settings: Settings) -> np.ndarray:
        """All of its windows where they wait, uint8 (N, T, H, W, 3)."""
        shape = (len(self.places), settings.frames, settings.height, settings.width, 3)
        return np.memmap(self.spool, np.uint8, "r", shape=shape)


def cut(
    video: Video,
    path: pathlib.Path,
    settings: Settings,
    on_frame: Callable[[], None] = lambda: None,
) -> None:
    """Writes the windows of one file to its spool; `video` gets status, reason, notes, frames, rate
    and places.

    `on_frame` is called at every frame; what it raises ends the cutting.
    """
    size = None if settings.tile else (settings.height, settings.width)
    reader, fault = decode.VideoReader(path, size, settings.fps), None
    try:
        with video.spool.open("wb") as spool:
            frames = _counted(video, reader, on_frame)
            for place, clip in _clips(frames, reader.picture, settings):
                spool.write(np.ascontiguousarray(clip))
                video.places.append(place)
    except container.DecodeError as error:
        fault = error
    video.notes, video.fps = reader.notes, reader.rate
    _judge(video, reader.faults, fault)
    if not video.places and video.status == "whole":
        video.status, video.reason = "short", _why_empty(video, settings)


def _counted(
    video: Video, reader: decode.VideoReader, on_frame: Callable[[], None]
) -> Iterator[av.VideoFrame | None]:
    for frame in reader:
        video.frames += frame is not None
        video.lost += frame is None
        on_frame()
        yield frame


def _clips(
    frames: Iterator[av.VideoFrame | None], picture: Picture, settings: Settings
) -> Iterator[tuple[tuple[int, int, int], np.ndarray]]:
    """Yields ((start, top, left), clip (T, H, W, 3)) of one video."""
    size = (settings.height, settings.width)
    for start, clip in windows.windows(
        frames, settings.frames, settings.stride, settings.hop, picture
    ):
        corners = windows.tile_corners(*clip.shape[1:3], size) if settings.tile else [(0, 0)]
        for top, left in corners:
            yield (start, top, left), clip[:, top : top + size[0], left : left + size[1]]


def _judge(video: Video, faults: list[str], last: container.DecodeError | None) -> None:
    """Sets status and reason of a file with damage after which it was read on, or not."""
    if not faults and last is None:
        return
    ends = last is None or isinstance(last, container.EndsEarlyError)
    video.status = "part" if video.places else "short" if ends else "unreadable"
    reasons = [stretches.words(faults, video.lost)] if faults else []
    video.reason = "; ".join(reasons + [str(last)] * (last is not None))


def _why_empty(video: Video, settings: Settings) -> str:
    needed = windows.span(settings.frames, settings.stride)
    if video.frames == 1 < needed:
        return f"a still: one frame, a window covers {needed}"
    if video.frames < needed:
        return f"too short: {video.frames} frames, a window covers {needed}"
    return f"smaller than a tile of {settings.height}x{settings.width}"


def examples(video: Video, settings: Settings) -> Iterator[dict]:
    """Yields the examples of one video from its spool."""
    if not video.windows:
        return
    clips = video.clips(settings)
    for index, (start, top, left) in enumerate(video.places):
        if index not in video.left_out:
            yield {
                "video": clips[index],
                "caption": video.caption,
                "video_id": video.name,
                "start": start,
                "corner": np.array([top, left], np.int32),
            }
