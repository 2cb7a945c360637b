"""A folder of videos to windows on disk, one spool file for a video, and the split by video."""

import dataclasses
import hashlib
import pathlib
from collections.abc import Callable, Iterator

import av
import numpy as np

from vdit.data.video_folder import container, decode, windows
from vdit.data.video_folder.picture import Picture
from vdit.errors import InputError


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


@dataclasses.dataclass
class Video:
    """One file: where it lies, what became of it, and where its windows wait (`spool`)."""

    name: str
    sha256: str
    caption: str
    spool: pathlib.Path
    status: str = "whole"  # or "part", "short", "unreadable"
    reason: str = ""
    frames: int = 0
    places: list[tuple[int, int, int]] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)
    split: str = ""


def cut(
    video: Video,
    path: pathlib.Path,
    settings: Settings,
    on_frame: Callable[[], None] = lambda: None,
) -> None:
    """Writes the windows of one file to its spool; `video` gets status, reason, notes, frames and
    places.

    `on_frame` is called at every frame; what it raises ends the cutting.
    """
    size = None if settings.tile else (settings.height, settings.width)
    reader = decode.VideoReader(path, size, settings.fps)
    try:
        with video.spool.open("wb") as spool:
            frames = _counted(video, reader, on_frame)
            for place, clip in _clips(frames, reader.picture, settings):
                spool.write(np.ascontiguousarray(clip))
                video.places.append(place)
    except container.DecodeError as error:
        video.reason = str(error)
        ends = isinstance(error, container.EndsEarlyError)
        video.status = "part" if video.places else "short" if ends else "unreadable"
    video.notes = reader.notes
    if not video.places and video.status == "whole":
        video.status, video.reason = "short", _why_empty(video, settings)


def _counted(
    video: Video, reader: decode.VideoReader, on_frame: Callable[[], None]
) -> Iterator[av.VideoFrame]:
    for frame in reader:
        video.frames += 1
        on_frame()
        yield frame


def _clips(
    frames: Iterator[av.VideoFrame], picture: Picture, settings: Settings
) -> Iterator[tuple[tuple[int, int, int], np.ndarray]]:
    """Yields ((start, top, left), clip (T, H, W, 3)) of one video."""
    size = (settings.height, settings.width)
    for start, clip in windows.windows(
        frames, settings.frames, settings.stride, settings.hop, picture
    ):
        corners = windows.tile_corners(*clip.shape[1:3], size) if settings.tile else [(0, 0)]
        for top, left in corners:
            yield (start, top, left), clip[:, top : top + size[0], left : left + size[1]]


def _why_empty(video: Video, settings: Settings) -> str:
    needed = windows.span(settings.frames, settings.stride)
    if video.frames < needed:
        return f"too short: {video.frames} frames, a window covers {needed}"
    return f"smaller than a tile of {settings.height}x{settings.width}"


def read_spool(video: Video, settings: Settings) -> Iterator[dict]:
    """Yields the examples of one video and deletes its spool."""
    shape = (settings.frames, settings.height, settings.width, 3)
    with video.spool.open("rb") as spool:
        for start, top, left in video.places:
            clip = np.frombuffer(spool.read(int(np.prod(shape))), np.uint8).reshape(shape)
            yield {
                "video": clip,
                "caption": video.caption,
                "video_id": video.name,
                "start": start,
                "corner": np.array([top, left], np.int32),
            }
    video.spool.unlink()


def assign_splits(videos: list[Video], share: float, seed: int) -> None:
    """Sets each video's split so that validation has about `share` of all windows.

    Files of equal content go together. In an order drawn by `seed`, a video joins validation if
    that does not pass the share; if none fits, the smallest one does. So validation never has
    more than half of the windows. Raises `InputError` for fewer than two different videos.
    """
    groups: dict[str, list[Video]] = {}
    for video in videos:
        video.split = "train"
        if video.places:
            groups.setdefault(video.sha256, []).append(video)
    if len(groups) < 2:
        raise InputError(
            f"{len(groups)} different video(s) long and large enough for a window: splitting train "
            "from validation by video needs two"
        )
    for group in _held_out(list(groups.values()), share, seed):
        for video in group:
            video.split = "validation"


def _held_out(groups: list[list[Video]], share: float, seed: int) -> list[list[Video]]:
    """The groups that validation has."""

    def windows_in(group: list[Video]) -> int:
        return sum(len(video.places) for video in group)

    order = sorted(groups, key=lambda group: _random_order(seed, group[0].name))
    room, chosen = share * sum(map(windows_in, groups)), []
    for group in order:
        if windows_in(group) <= room:
            chosen.append(group)
            room -= windows_in(group)
    return chosen or [min(order, key=windows_in)]


def _random_order(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()
