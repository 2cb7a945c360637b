"""Video files to frames at evenly spaced times, whatever their rates, fields and damage."""

import pathlib
from collections.abc import Iterable, Iterator

import av
import numpy as np

from vdit.data.video_folder import animation, clock, stretches
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
from vdit.data.video_folder.picture import HD, Picture

# A file whose pictures end before this share of the length in its header was cut off.
COMPLETE = 0.9


class VideoReader:
    """The frames of a file at evenly spaced times, in the decoder's own form, one held at a time;
    `picture` makes RGB of those that are wanted, `notes` say what was not as it should be, `faults`
    what was damaged, `rate` is the file's own, None until its first frame.

    At `fps` frames a second, or at the file's own rate, which is kept where it is about that.
    Iterating yields None for frames that are lost to damage, and raises `DecodeError` where nothing
    can be read after it: what was yielded before is good.
    """

    def __init__(
        self, path: pathlib.Path, size: tuple[int, int] | None = None, fps: float | None = None
    ):
        self._path, self._fps = path, fps
        self.notes: list[str] = []
        self.faults: list[str] = []
        self.rate: float | None = None
        self.picture = Picture(size, self.notes)

    def __iter__(self) -> Iterator[av.VideoFrame | None]:
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
    ) -> Iterator[av.VideoFrame | None]:
        self.picture.aspect = stream.sample_aspect_ratio or 1
        faults: list[DecodeError] = []
        stream.codec_context.copy_opaque = True
        if stream.width < HD[0] and stream.height < HD[1]:  # where threads cost more than they give
            stream.codec_context.thread_count = 1
        good = stretches.undamaged(packets, found.keys, self.faults)
        whole = _complete(good, header_seconds(container, stream), found.period)
        frames = progressive(until_fault(whole, faults), self.notes)
        times = clock.stamped(frames, found, self.notes)
        yield from _same_size(clock.on_grid(times, self._period(found.period), found.period))
        if faults:
            raise faults[0]

    def _period(self, own: float) -> float:
        self.rate = 1 / own
        if self._fps is None or same_rate(1 / own, self._fps):
            return own
        return 1 / self._fps


def read_frames(
    path: pathlib.Path, size: tuple[int, int] | None = None, fps: float | None = None
) -> Iterator[np.ndarray]:
    """Yields uint8 RGB frames (H, W, 3) as `VideoReader` and its `Picture` give them; raises
    `DecodeError` where any are lost."""
    reader = VideoReader(path, size, fps)
    for frame in reader:
        if frame is None:
            raise DecodeError(reader.faults[0])
        yield reader.picture(frame)


def _complete(
    frames: Iterable[av.VideoFrame | None], length: float, period: float
) -> Iterator[av.VideoFrame | None]:
    """The same frames; raises `EndsEarlyError` after the last where the header says `length` s."""
    count, first, start, end, tick = 0, 0, None, 0.0, 0.0  # `first` frames are lost at the start
    for frame in frames:
        count += frame is not None
        first += not count
        if frame is not None and frame.time is not None:
            if start is None:
                tick = float(frame.time_base)  # a Fraction, slow for each frame
                start = frame.time - first * period
            lasts = (frame.duration or 0) * tick
            end = max(end, frame.time - start + max(period, lasts))
        yield frame
    if max(end, count * period) < COMPLETE * length:
        raise EndsEarlyError(f"ends after {count} frames, its header says {length:.1f} s")


def _same_size(frames: Iterable[av.VideoFrame | None]) -> Iterator[av.VideoFrame | None]:
    first = None
    for count, frame in enumerate(frames):
        size = frame and (frame.height, frame.width)
        first = first or size
        if frame and size != first:
            raise DecodeError(f"the picture's size changes after {count} frames")
        yield frame
