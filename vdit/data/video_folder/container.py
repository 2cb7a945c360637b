"""Video files opened: their stream, the times of their packets, the length in their header."""

import contextlib
import itertools
import pathlib
import statistics
from collections.abc import Iterable, Iterator

import av

# Packets of a file up to these bytes wait in memory for the decoder; a larger file is read twice,
# as its frames' times must be known before the first frame is.
HELD_BYTES = 32 << 20


class DecodeError(Exception):
    """A file can't be read, or not to its end; the message is the reason, for the user."""


class EndsEarlyError(DecodeError):
    """The pictures end well before the length that the file's header gives."""


@contextlib.contextmanager
def opened(path: pathlib.Path) -> Iterator[av.container.InputContainer]:
    """The file for PyAV; raises `DecodeError` where it can't be opened."""
    try:
        container = av.open(str(path))
    except (av.FFmpegError, OSError) as error:
        raise DecodeError(f"can't be opened ({type(error).__name__})") from error
    with container:
        yield container


def video_stream(container: av.container.InputContainer) -> av.VideoStream:
    """The stream to read; raises `DecodeError` where there is none."""
    stream = container.streams.best("video")
    if stream is None:
        raise DecodeError("no video stream")
    return stream


def frames_by_header(path: pathlib.Path) -> int:
    """About how many frames a header promises, without decoding; 0 where it can not be read."""
    try:
        with av.open(str(path)) as container:
            stream = video_stream(container)
            return stream.frames or int(header_seconds(container, stream) * stream.average_rate)
    except (av.FFmpegError, DecodeError, TypeError):
        return 0


def frame_period(path: pathlib.Path) -> float:
    """Seconds between frames: the mean of the steps near the median, from packet times alone.

    Far steps (a dropped frame, a pause) would bend a plain mean; the median alone carries the
    rounding of the container's clock. 1.0 where the file has too few times to tell.
    """
    with opened(path) as container:
        return period_of(scan(container, video_stream(container))[0])


def header_seconds(container: av.container.InputContainer, stream: av.VideoStream) -> float:
    """The length that the header gives; 0 where it gives none."""
    if container.format.name == "avi":  # FFmpeg takes the duration from the file's size there
        return float(stream.frames / stream.average_rate) if stream.average_rate else 0.0
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / av.time_base


def scan(
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


def period_of(times: list[float]) -> float:
    """`frame_period` of the sorted times of packets."""
    steps = [b - a for a, b in itertools.pairwise(times)]
    if not steps:
        return 1.0
    middle = statistics.median(steps)
    return statistics.fmean(step for step in steps if abs(step - middle) <= 0.5 * middle)


def until_fault(
    items: Iterable, faults: list[Exception], kind: type[Exception] = DecodeError
) -> Iterator:
    """Ends quietly at a fault and keeps it: what came before still has its use."""
    try:
        yield from items
    except kind as error:
        faults.append(error)
