"""When each frame of a file is shown: one ordered clock, and frames at evenly spaced times.

FFmpeg's decoders give frames in the order of display, but what is stamped on a frame may be the
time at which it was decoded: AVI has no other, MP4 has none without its table of offsets.
"""

import itertools
import statistics
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import av

from vdit.data.video_folder.container import until_fault

# Packets of a file up to these bytes wait in memory for the decoder; a larger file is read twice,
# as its frames' times must be known before the first frame is.
HELD_BYTES = 32 << 20
# Fewer distinct stamps than this share of the packets are no clock.
STAMPED = 0.9
# Seconds (or periods, where frames are further apart): a longer step in time is a break in the
# clock, not a picture that stood.
LONGEST_STILL = 60
# Steps are of an even stream where this share of them differs from the period by less than `EVEN`
# periods; one that is as near to a multiple says that frames between are missing.
STEADY, EVEN = 0.9, 0.25
LONGEST_LOSS = 1  # seconds: beyond these a picture stood, as on a screen
# A step back beyond these periods, more than any codec reorders, is a clock that starts again.
REORDERED = 16


class Clock(NamedTuple):
    """Sorted `times` of frames in seconds, the `period` between most of them; `by_order` where the
    k-th frame shows at the k-th time, whatever is stamped on it, and `note` why, for the user;
    `keys` are the packets of key frames, by number, in the order of decoding; `missing` frames
    have been taken out of an even stream."""

    times: list[float]
    period: float
    by_order: bool = False
    note: str = ""
    keys: tuple[int, ...] = ()
    missing: int = 0

    def time_of(self, number: int, frame: av.VideoFrame) -> float | None:
        """Seconds at which the decoder's frame of this number is shown; None where none is said."""
        if not self.by_order:
            return frame.time
        return self.times[number] if number < len(self.times) else None


def scan(
    container: av.container.InputContainer, stream: av.VideoStream
) -> tuple[Clock, Iterator[av.Packet] | None]:
    """The clock that the packets' stamps make; and the packets, where they are few bytes."""
    stamps, keys, held, size = [], [], [], 0
    faults: list[av.FFmpegError] = []
    packets = until_fault(container.demux(stream), faults, av.FFmpegError)
    for number, packet in enumerate(packets):
        if packet.size and not packet.is_discard:
            stamps.append(packet.dts if packet.pts is None else packet.pts)
            keys += [number] * packet.is_keyframe
        size += packet.size
        if size <= HELD_BYTES:
            held.append(packet)
        else:
            held.clear()
    found = _clock(stamps, stream)._replace(keys=tuple(keys))
    return found, _and_then_fault(held, faults) if size <= HELD_BYTES else None


def _and_then_fault(packets: list[av.Packet], faults: list[av.FFmpegError]) -> Iterator[av.Packet]:
    yield from packets
    if faults:
        raise faults[0]


def _clock(stamps: list[int | None], stream: av.VideoStream) -> Clock:
    """The clock of stamps in the order of decoding.

    Where a codec moves frames and their stamps never step back, these are times of decoding.
    """
    known = sorted({stamp for stamp in stamps if stamp is not None})
    rate = stream.average_rate or stream.guessed_rate or 1
    if len(known) < STAMPED * len(stamps):
        times = [float(number / rate) for number in range(len(stamps))]
        note = "frame times are missing or come twice: its frames in order"
        return Clock(times, float(1 / rate), True, f"{note}, {float(rate):.5g} a second")
    ticks, per_second = stream.time_base.numerator, stream.time_base.denominator
    times = [stamp * ticks / per_second for stamp in known]
    moved = any(b < a for a, b in itertools.pairwise(s for s in stamps if s is not None))
    by_order = stream.codec_context.has_b_frames and not moved
    period = period_of(times) if len(times) > 1 else float(1 / rate)
    return Clock(times, period, by_order, missing=_missing(times, period))


def _missing(times: list[float], period: float) -> int:
    """Frames that sorted times leave out of an even stream; 0 of one that is not even.

    A decoder that was not told of them shows later frames as told from the wrong ones.
    """
    steps = [(b - a) / period for a, b in itertools.pairwise(times)]
    if sum(abs(step - 1) < EVEN for step in steps) < STEADY * len(steps):
        return 0
    long = (step for step in steps if 1.5 < step <= 1 + LONGEST_LOSS / period)
    return sum(round(step) - 1 for step in long if abs(step - round(step)) < EVEN)


def period_of(times: list[float]) -> float:
    """Seconds between frames: the mean of the steps of sorted times that are near the median.

    Far steps (a dropped frame, a pause) would bend a plain mean; the median alone carries the
    rounding of the container's clock. Two times at least.
    """
    steps = [b - a for a, b in itertools.pairwise(times)]
    middle = statistics.median(steps)
    return statistics.fmean(step for step in steps if abs(step - middle) <= 0.5 * middle)


def stamped(
    frames: Iterable[av.VideoFrame | None], clock: Clock, notes: list[str]
) -> Iterator[tuple[float, av.VideoFrame | None]]:
    """Yields (seconds since the first frame, frame); notes what the clock did.

    A frame without a time is one period after the one before, and so is one after a break, and
    None, for frames that are lost, of which the first alone is yielded.
    """
    reach, longest = REORDERED * clock.period, LONGEST_STILL * max(1, clock.period)
    start = before = own = None
    back = lost = False
    for number, frame in enumerate(frames):
        if frame is None:
            if before is None:  # the file begins with them
                start, before = clock.times[0], clock.times[0] - clock.period
            if not lost:
                yield before + clock.period - start, None
            lost = True
            continue
        lost = False
        back |= own is not None and frame.time is not None and frame.time <= own
        own, time = frame.time, clock.time_of(number, frame)
        if before is None:
            start = before = time or 0.0
        step = clock.period if time is None else time - before
        if step > longest or step < -reach:
            notes.append(f"the clock jumps by {step:.5g} s after {number} frames, taken as one")
            start += step - clock.period
        before += step
        yield before - start, frame
    if clock.missing:
        why = "taken out, or of a picture that stood"
        notes.append(f"its times leave out {clock.missing} frames ({why}): the one before is held")
    if clock.note or back:
        notes.append(clock.note or "frame times run backwards: its frames in order")


def on_grid(
    frames: Iterable[tuple[float, av.VideoFrame | None]], period: float, lasts: float
) -> Iterator[av.VideoFrame | None]:
    """Yields, for each k, the frame on show at (k + 1/2) `period` seconds from the first; the last
    frame is on show for `lasts` seconds. One frame at least, and one None where some are lost.

    The half puts the sample mid-way between the frames of a constant rate: rounding of its
    clock moves nothing, and each frame is yielded once.
    """
    shown, seconds, count = None, 0.0, 0
    for place, (seconds, frame) in enumerate(frames):
        before = count
        while place and (count + 0.5) * period < seconds:
            yield shown
            count += 1
        if place and shown is None and count == before:
            yield None
            count += 1
        shown = frame
    while shown is not None and (not count or (count + 0.5) * period < seconds + lasts):
        yield shown
        count += 1
