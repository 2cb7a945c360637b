"""The frames of a damaged file in stretches: to the damage, and on from the next key frame.

A damaged packet spoils all frames that are told from it, to the next frame that is told from none;
most decoders show such frames without a word. `None` stands in their place.
"""

import bisect
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import av

from vdit.data.video_folder.container import DecodeError


class _Decoded(NamedTuple):
    """A frame at its time in seconds, and what is wrong with it, "" where nothing is; or what was
    wrong with the packet of that time."""

    time: float | None
    frame: av.VideoFrame | None
    fault: str


def undamaged(
    packets: Iterable[av.Packet], keys: Sequence[float], faults: list[str]
) -> Iterator[av.VideoFrame | None]:
    """Yields the decoder's frames, and None for those from a damaged one to the next key frame;
    `faults` get what was damaged, and where.

    `keys` are the seconds of key frames, in order. Raises `DecodeError` at damage after the last.
    """
    count, resumes = 0, None
    try:
        for time, frame, fault in _decoded(packets):
            if resumes is not None and (time is None or time < resumes):
                continue
            if frame and fault and not count:  # a recording that starts between key frames
                continue
            if not fault:
                count, resumes = count + 1, None
                yield frame
                continue
            lost, resumes = resumes is None, _following(keys, time)
            if resumes is None:
                raise DecodeError(fault.format(count))
            faults += [fault.format(count)] * lost
            if count and lost:
                yield None
    except av.FFmpegError as error:
        name = type(error).__name__
        raise DecodeError(f"decoding fails after {count} frames ({name})") from error
    if not count:
        raise DecodeError("no frame can be decoded")


def _decoded(packets: Iterable[av.Packet]) -> Iterator[_Decoded]:
    for packet in packets:
        try:
            frames = packet.decode()
        except av.FFmpegError as error:
            ticks = packet.dts if packet.pts is None else packet.pts
            time = None if ticks is None else float(ticks * packet.time_base)
            yield _Decoded(time, None, f"decoding fails after {{}} frames ({type(error).__name__})")
            continue
        for frame in frames:
            fault = "damaged after {} frames" if frame.is_corrupt else ""
            yield _Decoded(frame.time, frame, fault)


def _following(keys: Sequence[float], time: float | None) -> float | None:
    """The first of `keys` after a time; None where there is none."""
    place = len(keys) if time is None else bisect.bisect_right(keys, time)
    return keys[place] if place < len(keys) else None


def words(faults: Sequence[str], lost: int) -> str:
    """What was lost of a file that was read on."""
    places = f", and in {len(faults) - 1} more places" if len(faults) > 1 else ""
    frames = f", {lost} lost" if lost else ""
    return f"{faults[0]}{places}{frames}, read on from the next key frame"
