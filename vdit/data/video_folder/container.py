"""Video files opened: their stream, and the length in their header."""

import contextlib
import pathlib
from collections.abc import Iterable, Iterator

import av

SAME_RATE = 0.01  # relative


class DecodeError(Exception):
    """A file can't be read, or not to its end; the message is the reason, for the user."""


class EndsEarlyError(DecodeError):
    """The pictures end well before the length that the file's header gives."""


@contextlib.contextmanager
def opened(path: pathlib.Path) -> Iterator[av.container.InputContainer]:
    """The file for PyAV; raises `DecodeError` where it can't be opened."""
    try:
        container = av.open(f"file:{path}")  # a name with a colon is no address
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
        with opened(path) as container:
            stream = video_stream(container)
            return stream.frames or int(header_seconds(container, stream) * stream.average_rate)
    except (DecodeError, TypeError):
        return 0


def rate_by_header(path: pathlib.Path) -> float | None:
    """Frames a second that a header says, without decoding; None where it says none."""
    try:
        with opened(path) as container:
            rate = video_stream(container).guessed_rate
            return float(rate) if rate else None
    except DecodeError:
        return None


def same_rate(one: float, other: float) -> bool:
    """Whether two rates are about the same (29.97 and 30): to resample would only drop frames."""
    return abs(one / other - 1) < SAME_RATE


def header_seconds(container: av.container.InputContainer, stream: av.VideoStream) -> float:
    """The length of the pictures that the header gives; 0 where it gives none.

    A container's own length may be that of longer sound.
    """
    if container.format.name == "avi":  # FFmpeg takes the duration from the file's size there
        return float(stream.frames / stream.average_rate) if stream.average_rate else 0.0
    if stream.duration:
        return float(stream.duration * stream.time_base)
    if tag := stream.metadata.get("DURATION"):  # Matroska's, as 00:00:02.000000000
        hours, minutes, seconds = map(float, tag.split(":"))
        return 3600 * hours + 60 * minutes + seconds
    alone = len(container.streams) == 1
    return (container.duration or 0) / av.time_base if alone else 0.0


def until_fault(
    items: Iterable, faults: list[Exception], kind: type[Exception] = DecodeError
) -> Iterator:
    """Ends quietly at a fault and keeps it: what came before still has its use."""
    try:
        yield from items
    except kind as error:
        faults.append(error)
