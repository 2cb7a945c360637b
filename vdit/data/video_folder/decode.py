"""Video files to RGB frames at evenly spaced times: rotation, variable rate, grey and damage."""

import contextlib
import itertools
import pathlib
import statistics
from collections.abc import Iterable, Iterator

import av
import numpy as np
from av.video.reformatter import VideoReformatter

# A step in time longer than this many periods is a break in the clock, not a picture that stood.
LONGEST_STILL = 300
# A file whose pictures end before this share of the length in its header was cut off.
WHOLE = 0.9
# Packets of a file up to these bytes wait in memory for the decoder; a larger file is read twice,
# as its frames' times must be known before the first frame is.
HELD_BYTES = 32 << 20


class DecodeError(Exception):
    """A file can't be read, or not to its end; the message is the reason, for the user."""


class EndsEarlyError(DecodeError):
    """The pictures end well before the length that the file's header gives."""


def read_frames(path: pathlib.Path) -> Iterator[np.ndarray]:
    """Yields uint8 RGB frames (H, W, 3), upright, at evenly spaced times; holds one at a time.

    Raises `DecodeError` where reading fails: what was yielded before is good.
    """
    return map(Upright(), timed_frames(path))


def timed_frames(path: pathlib.Path) -> Iterator[av.VideoFrame]:
    """As `read_frames`, in the decoder's own form: for `Upright`, where a frame is wanted."""
    with _opened(path) as container:
        stream = _video_stream(container)
        times, packets = _scan(container, stream)
        if packets is not None:
            yield from _played(container, stream, packets, _period(times))
            return
    with _opened(path) as container:
        stream = _video_stream(container)
        yield from _played(container, stream, container.demux(stream), _period(times))


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


@contextlib.contextmanager
def _opened(path: pathlib.Path) -> Iterator[av.container.InputContainer]:
    try:
        container = av.open(str(path))
    except (av.FFmpegError, OSError) as error:
        raise DecodeError(f"can't be opened ({type(error).__name__})") from error
    with container:
        yield container


def _played(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    packets: Iterable[av.Packet],
    period: float,
) -> Iterator[av.VideoFrame]:
    faults: list[DecodeError] = []
    sound = until_fault(_sound(container, stream, packets, period), faults)
    yield from _same_size(on_grid(sound, period))
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
    with _opened(path) as container:
        return _period(_scan(container, _video_stream(container))[0])


def _scan(
    container: av.container.InputContainer, stream: av.VideoStream
) -> tuple[list[float], Iterator[av.Packet] | None]:
    """Times of all packets in seconds, in order; and the packets, where they are few bytes."""
    stamps, held, size = set(), [], 0
    faults: list[av.FFmpegError] = []
    for packet in until_fault(container.demux(stream), faults, av.FFmpegError):
        stamp = packet.dts if packet.pts is None else packet.pts
        if packet.size and stamp is not None:
            stamps.add(stamp)
        size += packet.size
        if size <= HELD_BYTES:
            held.append(packet)
        else:
            held.clear()
    ticks, per_second = stream.time_base.numerator, stream.time_base.denominator
    times = [stamp * ticks / per_second for stamp in sorted(stamps)]
    return times, _and_then_fault(held, faults) if size <= HELD_BYTES else None


def _and_then_fault(packets: list[av.Packet], faults: list[av.FFmpegError]) -> Iterator[av.Packet]:
    yield from packets
    if faults:
        raise faults[0]


def _period(times: list[float]) -> float:
    steps = [b - a for a, b in itertools.pairwise(times)]
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


def _video_stream(container: av.container.InputContainer) -> av.VideoStream:
    stream = container.streams.best("video")
    if stream is None:
        raise DecodeError("no video stream")
    return stream


def _sound(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    packets: Iterable[av.Packet],
    period: float,
) -> Iterator[av.VideoFrame]:
    """Yields the decoder's frames up to the first damaged one."""
    count, start, last, lasts = 0, None, 0.0, 0
    try:
        for frame in (frame for packet in packets for frame in packet.decode()):
            if frame.is_corrupt and count:
                raise DecodeError(f"damaged after {count} frames")
            if frame.is_corrupt:  # a recording that starts between key frames
                continue
            count += 1
            if frame.time is not None:
                start = frame.time if start is None else start
                last, lasts = frame.time, frame.duration or 0
            yield frame
    except av.FFmpegError as error:
        name = type(error).__name__
        raise DecodeError(f"decoding fails after {count} frames ({name})") from error
    if not count:
        raise DecodeError("no frame can be decoded")
    end = last + max(period, float(lasts * stream.time_base))
    length = _header_seconds(container, stream)
    if start is not None and end - start < WHOLE * length:
        raise EndsEarlyError(f"ends after {count} frames, its header says {length:.1f} s")


def until_fault(
    items: Iterable, faults: list[Exception], kind: type[Exception] = DecodeError
) -> Iterator:
    """Ends quietly at a fault and keeps it: what came before still has its use."""
    try:
        yield from items
    except kind as error:
        faults.append(error)


def _header_seconds(container: av.container.InputContainer, stream: av.VideoStream) -> float:
    if container.format.name == "avi":  # FFmpeg takes the duration from the file's size there
        return float(stream.frames / stream.average_rate) if stream.average_rate else 0.0
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / av.time_base


def _same_size(frames: Iterable[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    first = None
    for count, frame in enumerate(frames):
        turned = _quarter_turns(frame) % 2
        size = (frame.width, frame.height) if turned else (frame.height, frame.width)
        first = first or size
        if size != first:
            raise DecodeError(f"the picture's size changes after {count} frames")
        yield frame
