"""Video files to RGB frames at evenly spaced times: rotation, variable rate, grey and damage."""

import pathlib
from collections.abc import Iterable, Iterator

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from vdit.data.video_folder.container import (
    DecodeError,
    EndsEarlyError,
    header_seconds,
    opened,
    period_of,
    scan,
    until_fault,
    video_stream,
)

# A step in time longer than this many periods is a break in the clock, not a picture that stood.
LONGEST_STILL = 300
# A file whose pictures end before this share of the length in its header was cut off.
COMPLETE = 0.9


def read_frames(path: pathlib.Path) -> Iterator[np.ndarray]:
    """Yields uint8 RGB frames (H, W, 3), upright, at evenly spaced times; holds one at a time.

    Raises `DecodeError` where reading fails: what was yielded before is good.
    """
    return map(Upright(), timed_frames(path))


def timed_frames(path: pathlib.Path) -> Iterator[av.VideoFrame]:
    """As `read_frames`, in the decoder's own form: for `Upright`, where a frame is wanted."""
    with opened(path) as container:
        stream = video_stream(container)
        times, packets = scan(container, stream)
        if packets is not None:
            yield from _played(container, stream, packets, period_of(times))
            return
    with opened(path) as container:
        stream = video_stream(container)
        yield from _played(container, stream, container.demux(stream), period_of(times))


class Upright:
    """Frames of a file as uint8 RGB (H, W, 3), turned as their tag asks (grey: equal channels).

    One object for a file: FFmpeg's converter is set up once. Its own threads cost more than a
    small frame does.
    """

    def __init__(self) -> None:
        self._converter = VideoReformatter()

    def __call__(self, frame: av.VideoFrame) -> np.ndarray:
        image = self._converter.reformat(frame, format="rgb24", threads=1).to_ndarray()
        turns = _quarter_turns(frame)
        return np.rot90(image, turns) if turns else image


def _quarter_turns(frame: av.VideoFrame) -> int:
    return round(frame.rotation / 90)  # counter-clockwise, as those of NumPy


def _played(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    packets: Iterable[av.Packet],
    period: float,
) -> Iterator[av.VideoFrame]:
    faults: list[DecodeError] = []
    frames = _complete(_undamaged(packets), container, stream, period)
    yield from _same_size(on_grid(until_fault(frames, faults), period))
    if faults:
        raise faults[0]


def on_grid(frames: Iterable[av.VideoFrame], period: float) -> Iterator[av.VideoFrame]:
    """Yields, for each k, the frame on show at time start + (k + 1/2) period.

    The half puts the sample mid-way between the frames of a constant rate: rounding of its
    clock moves nothing, and each frame is yielded once.
    """
    shown, now, count = None, 0.0, 0
    for frame in frames:
        if shown is not None:
            now += _step(shown.time, frame.time, period)
        while shown is not None and count + 0.5 < now:
            yield shown
            count += 1
        shown = frame
    while shown is not None and count + 0.5 < now + 1:
        yield shown
        count += 1


def _step(before: float | None, after: float | None, period: float) -> float:
    """Time between two frames in periods; one where the clock is missing, or breaks."""
    if before is None or after is None:
        return 1.0
    step = (after - before) / period
    return step if 0 < step <= LONGEST_STILL else 1.0


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
    frames: Iterable[av.VideoFrame],
    container: av.container.InputContainer,
    stream: av.VideoStream,
    period: float,
) -> Iterator[av.VideoFrame]:
    """The same frames; raises `EndsEarlyError` after the last where the header promises more."""
    count, start, last, lasts = 0, None, 0.0, 0
    for frame in frames:
        count += 1
        if frame.time is not None:
            start = frame.time if start is None else start
            last, lasts = frame.time, frame.duration or 0
        yield frame
    end = last + max(period, float(lasts * stream.time_base))
    length = header_seconds(container, stream)
    if start is not None and end - start < COMPLETE * length:
        raise EndsEarlyError(f"ends after {count} frames, its header says {length:.1f} s")


def _same_size(frames: Iterable[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    first = None
    for count, frame in enumerate(frames):
        turned = _quarter_turns(frame) % 2
        size = (frame.width, frame.height) if turned else (frame.height, frame.width)
        first = first or size
        if size != first:
            raise DecodeError(f"the picture's size changes after {count} frames")
        yield frame
