"""The frames of a damaged file in stretches: to the damage, and on from the next key frame.

A damaged packet spoils all frames that are told from it, to the next frame that is told from none;
most decoders show such frames without a word. `None` stands in their place.
"""

import bisect
import collections
import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import av

from vdit.data.video_folder.container import DecodeError

# No codec moves a frame by more packets than these: what is not out by then does not come.
REORDERED = 16


class _Decoded(NamedTuple):
    """A frame by the number of its packet, and what is wrong with it, "" where nothing is; or what
    was wrong with the packet."""

    number: int
    frame: av.VideoFrame | None
    fault: str


@dataclasses.dataclass
class _Gap:
    """From damage to the key frame of packet `key`, which `before` decoded frames of later packets
    precede in order of display: they are told from what is lost, too."""

    key: int
    before: int = 0

    def covers(self, found: _Decoded) -> bool:
        """Whether a frame or fault lies in it."""
        precedes = bool(found.frame) and self.key < found.number <= self.key + REORDERED
        self.before += precedes
        return precedes or found.number < self.key


def undamaged(
    packets: Iterable[av.Packet], keys: Sequence[int], faults: list[str]
) -> Iterator[av.VideoFrame | None]:
    """Yields the decoder's frames, and None for each from a damaged one to the next key frame;
    `faults` get what was damaged, and where.

    `keys` are the numbers of key frames' packets. Raises `DecodeError` at damage after which none
    comes.
    """
    count = place = 0  # frames that were yielded; order of display
    last, gap, is_key = -1, None, frozenset(keys)
    for found in _with_skipped(_settled(_decoded(packets))):
        if gap and gap.covers(found):
            continue
        number, frame, fault = found
        if frame and fault and not count and number not in is_key:
            continue  # a recording that starts between key frames
        last = number if frame is None or number in is_key else last
        if fault:
            if (key := _following(keys, last)) is None:
                raise DecodeError(faults.pop() if gap else fault.format(count))
            faults += [fault.format(count)] * (gap is None)
            gap = _Gap(key)
            continue
        place = place if count or gap else number
        if gap:
            yield from [None] * max(1, number + gap.before - place)
            place, gap = number + gap.before, None
        count, place = count + 1, place + 1
        yield frame
    if gap or not count:
        raise DecodeError(faults.pop() if gap else "no frame can be decoded")


def _settled(decoded: Iterable[_Decoded]) -> Iterator[_Decoded]:
    """The same in the same order. A frame that comes out before a damaged one, but is of a later
    packet, is told from that, and damaged, too: so each waits for those of packets before its own.
    """
    waiting, there, low = collections.deque(), set(), 0  # packets before `low` are all there
    for found in decoded:
        for place, other in enumerate(waiting if found.fault else ()):
            if other.number > found.number:
                waiting[place] = other._replace(fault=found.fault)
        waiting.append(found)
        there.add(found.number)
        while low in there or low < found.number - REORDERED:
            there.discard(low)
            low += 1
        while waiting and waiting[0].number < low:
            yield waiting.popleft()
    yield from waiting


def _with_skipped(decoded: Iterable[_Decoded]) -> Iterator[_Decoded]:
    """The same. Where a file begins with damage, a decoder skips frames that follow its first key
    frame and precede it in order of display, as it has nothing to tell them from: that key frame
    stands in for them.
    """
    decoded, damaged = iter(decoded), False
    for found in decoded:
        if found.frame and not found.fault:
            break
        damaged |= found.frame is None
        yield found
    else:
        return
    ahead = list(itertools.islice(decoded, 2 * REORDERED)) if damaged else []
    there = {other.number for other in ahead}
    end = min(max(there, default=0), found.number + REORDERED + 1)
    for number in sorted({*range(found.number + 1, end)} - there):
        yield found._replace(number=number)
    yield found
    yield from itertools.chain(ahead, decoded)


def _decoded(packets: Iterable[av.Packet]) -> Iterator[_Decoded]:
    number, fails = -1, "decoding fails after {{}} frames ({})"
    try:
        for number, packet in enumerate(packets):
            # It is handed on to the packet's frame, and is to be an object that is no other's: PyAV
            # knows it by its address, and forgets it with the first packet or frame that goes.
            packet.opaque = (number,)
            try:
                frames = packet.decode()
            except av.FFmpegError as error:
                yield _Decoded(number, None, fails.format(type(error).__name__))
                continue
            for frame in frames:
                fault = "damaged after {} frames" if frame.is_corrupt else ""
                yield _Decoded((frame.opaque or (number,))[0], frame, fault)
    except av.FFmpegError as error:  # of the container: no packet comes after it
        yield _Decoded(number + 1, None, fails.format(type(error).__name__))


def _following(keys: Sequence[int], number: int) -> int | None:
    """The first of `keys` after a packet; None where there is none."""
    place = bisect.bisect_right(keys, number)
    return keys[place] if place < len(keys) else None


def words(faults: Sequence[str], lost: int) -> str:
    """What was lost of a file that was read on."""
    places = f", and in {len(faults) - 1} more places" if len(faults) > 1 else ""
    frames = f", {lost} lost" if lost else ""
    return f"{faults[0]}{places}{frames}, read on from the next key frame"
