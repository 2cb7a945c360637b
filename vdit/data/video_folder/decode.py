"""Video files to RGB frames at evenly spaced times: rotation, variable rate, grey and damage."""

import itertools
import pathlib
import statistics
from collections.abc import Iterable, Iterator

import av
import numpy as np

# A step in time longer than this many periods is a break in the clock, not a picture that stood.
LONGEST_STILL = 300
# A file whose pictures end before this share of the length in its header was cut off.
WHOLE = 0.9


class DecodeError(Exception):
    """A file can't be read, or not to its end; the message is the reason, for the user."""


class EndsEarlyError(DecodeError):
    """The pictures end well before the length that the file's header gives."""


def read_frames(path: pathlib.Path) -> Iterator[np.ndarray]:
    """Yields uint8 RGB frames (H, W, 3), upright, at evenly spaced times; holds one at a time.

    Raises `DecodeError` where reading fails: what was yielded before is good.
    """
    period = frame_period(path)
    try:
        container = av.open(str(path))
    except (av.FFmpegError, OSError) as error:
        raise DecodeError(f"can't be opened ({type(error).__name__})") from error
    with container:
        stream = _video_stream(container)
        faults: list[DecodeError] = []
        sound = _until_fault(_sound(container, stream, period), faults)
        yield from _same_size(upright(frame) for frame in on_grid(sound, period))
    if faults:
        raise faults[0]


def frames_by_header(path: pathlib.Path) -> int:
    """About how many frames a header promises, without decoding; 0 where it can not be read."""
    try:
        with av.open(str(path)) as container:
            stream = _video_stream(container)
            return stream.frames or int(_header_seconds(container, stream) * stream.average_rate)
    except (av.FFmpegError, DecodeError, TypeError):
        return 0


def frame_period(path: pathlib.Path) -> float:
    """Seconds between frames: the mean of the steps near the median, from packet times alone.

    Far steps (a dropped frame, a pause) would bend a plain mean; the median alone carries the
    rounding of the container's clock. 1.0 where the file has too few times to tell.
    """
    times = set()
    try:
        with av.open(str(path)) as container:
            stream = _video_stream(container)
            for packet in container.demux(stream):
                stamp = packet.dts if packet.pts is None else packet.pts
                if packet.size and stamp is not None:
                    times.add(float(stamp * stream.time_base))
    except (av.FFmpegError, OSError):
        pass  # read_frames meets the same fault and names it; the times so far serve until then
    ordered = sorted(times)
    steps = [b - a for a, b in itertools.pairwise(ordered)]
    if not steps:
        return 1.0
    middle = statistics.median(steps)
    return statistics.fmean(step for step in steps if abs(step - middle) <= 0.5 * middle)


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


def upright(frame: av.VideoFrame) -> np.ndarray:
    """The frame as uint8 RGB (H, W, 3), turned as its tag asks (grey: equal channels)."""
    image = frame.to_ndarray(format="rgb24")
    return np.rot90(image, round(frame.rotation / 90))  # both count counter-clockwise


def _video_stream(container: av.container.InputContainer) -> av.VideoStream:
    stream = container.streams.best("video")
    if stream is None:
        raise DecodeError("no video stream")
    return stream


def _sound(
    container: av.container.InputContainer, stream: av.VideoStream, period: float
) -> Iterator[av.VideoFrame]:
    """Yields the decoder's frames up to the first damaged one."""
    count, start, end = 0, None, 0.0
    try:
        for frame in container.decode(stream):
            if frame.is_corrupt and count:
                raise DecodeError(f"damaged after {count} frames")
            if frame.is_corrupt:  # a recording that starts between key frames
                continue
            count += 1
            if frame.time is not None:
                start = frame.time if start is None else start
                end = frame.time + max(period, float((frame.duration or 0) * stream.time_base))
            yield frame
    except av.FFmpegError as error:
        name = type(error).__name__
        raise DecodeError(f"decoding fails after {count} frames ({name})") from error
    if not count:
        raise DecodeError("no frame can be decoded")
    length = _header_seconds(container, stream)
    if start is not None and end - start < WHOLE * length:
        raise EndsEarlyError(f"ends after {count} frames, its header says {length:.1f} s")


def _until_fault(
    frames: Iterable[av.VideoFrame], faults: list[DecodeError]
) -> Iterator[av.VideoFrame]:
    """Ends quietly at a fault and keeps it, so that the last good frame still has its time."""
    try:
        yield from frames
    except DecodeError as error:
        faults.append(error)


def _header_seconds(container: av.container.InputContainer, stream: av.VideoStream) -> float:
    if container.format.name == "avi":  # FFmpeg takes the duration from the file's size there
        return float(stream.frames / stream.average_rate) if stream.average_rate else 0.0
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / av.time_base


def _same_size(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    first = None
    for count, frame in enumerate(frames):
        first = first or frame.shape
        if frame.shape != first:
            raise DecodeError(f"the picture's size changes after {count} frames")
        yield frame
