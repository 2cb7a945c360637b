"""Video files to frames at evenly spaced times: variable rate, interlaced pictures and damage."""

import pathlib
from collections.abc import Iterable, Iterator

import av
import numpy as np

from vdit.data.video_folder import animation, clock
from vdit.data.video_folder.container import (
    DecodeError,
    EndsEarlyError,
    header_seconds,
    opened,
    same_rate,
    until_fault,
    video_stream,
)
from vdit.data.video_folder.deinterlace import progressive
from vdit.data.video_folder.picture import Picture

# A file whose pictures end before this share of the length in its header was cut off.
COMPLETE = 0.9


class VideoReader:
    """The frames of a file at evenly spaced times, in the decoder's own form, one held at a time;
    `picture` makes RGB of those that are wanted, `notes` say what was not as it should be.

    At `fps` frames a second, or at the file's own rate, which is kept where it is about that.
    Iterating raises `DecodeError` where reading fails: what was yielded before is good.
    """

    def __init__(
        self, path: pathlib.Path, size: tuple[int, int] | None = None, fps: float | None = None
    ):
        self._path, self._fps = path, fps
        self.notes: list[str] = []
        self.picture = Picture(size, self.notes)

    def __iter__(self) -> Iterator[av.VideoFrame]:
        if self._path.suffix.lower() in animation.SUFFIXES:
            frames, period, lasts = animation.read(self._path)
            yield from clock.on_grid(frames, self._period(period), lasts)
            return
        with opened(self._path) as container:
            stream = video_stream(container)
            found, packets = clock.scan(container, stream)
            if packets is not None:
                yield from self._played(container, stream, packets, found)
                return
        with opened(self._path) as container:
            stream = video_stream(container)
            yield from self._played(container, stream, container.demux(stream), found)

    def _played(
        self,
        container: av.container.InputContainer,
        stream: av.VideoStream,
        packets: Iterable[av.Packet],
        found: clock.Clock,
    ) -> Iterator[av.VideoFrame]:
        self.picture.aspect = stream.sample_aspect_ratio or 1
        faults: list[DecodeError] = []
        whole = _complete(_undamaged(packets), header_seconds(container, stream), found.period)
        frames = progressive(until_fault(whole, faults), self.notes)
        times = clock.stamped(frames, found, self.notes)
        yield from _same_size(clock.on_grid(times, self._period(found.period), found.period))
        if faults:
            raise faults[0]

    def _period(self, own: float) -> float:
        if self._fps is None or same_rate(1 / own, self._fps):
            return own
        return 1 / self._fps


def read_frames(
    path: pathlib.Path, size: tuple[int, int] | None = None, fps: float | None = None
) -> Iterator[np.ndarray]:
    """Yields uint8 RGB frames (H, W, 3) as `VideoReader` and its `Picture` give them."""
    reader = VideoReader(path, size, fps)
    return map(reader.picture, reader)


def _undamaged(packets: Iterable[av.Packet]) -> Iterator[av.VideoFrame]:
    """Yields the decoder's frames up to the first damaged one."""
    count = 0
    try:
        for frame in (frame for packet in packets for frame in packet.decode()):
            if frame.is_corrupt and count:
                raise DecodeError(f"damaged after {count} frames")
            if frame.is_corrupt:  # a recording that starts between key frames
                continue
            count += 1
            yield frame
    except av.FFmpegError as error:
        name = type(error).__name__
        raise DecodeError(f"decoding fails after {count} frames ({name})") from error
    if not count:
        raise DecodeError("no frame can be decoded")


def _complete(
    frames: Iterable[av.VideoFrame], length: float, period: float
) -> Iterator[av.VideoFrame]:
    """The same frames; raises `EndsEarlyError` after the last where the header says `length` s."""
    count, start, end, tick = 0, None, 0.0, 0.0
    for frame in frames:
        count += 1
        if frame.time is not None:
            if start is None:
                start, tick = frame.time, float(frame.time_base)  # a Fraction, slow for each frame
            lasts = (frame.duration or 0) * tick
            end = max(end, frame.time - start + max(period, lasts))
        yield frame
    if max(end, count * period) < COMPLETE * length:
        raise EndsEarlyError(f"ends after {count} frames, its header says {length:.1f} s")


def _same_size(frames: Iterable[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    first = None
    for count, frame in enumerate(frames):
        size = (frame.height, frame.width)
        first = first or size
        if size != first:
            raise DecodeError(f"the picture's size changes after {count} frames")
        yield frame
