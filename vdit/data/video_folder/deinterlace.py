"""Interlaced frames, of two fields half a period apart, to progressive ones."""

from collections.abc import Iterable, Iterator

import av

from vdit.data.video_folder.filters import Filters

# A frame for a frame, by motion-adaptive interpolation of one field (bwdif: yadif with the BBC's
# w3fdif where things move); progressive frames pass as they are.
ROW = [("bwdif", "mode=send_frame:parity=auto:deint=interlaced")]
NOTE = "interlaced: deinterlaced (bwdif)"


def progressive(
    frames: Iterable[av.VideoFrame | None], notes: list[str]
) -> Iterator[av.VideoFrame | None]:
    """The same frames, deinterlaced from the first that says it is interlaced, which is noted; each
    stretch between lost ones (None) by itself."""
    filters = None
    for frame in frames:
        if frame is None:
            yield from filters(None) if filters else ()
            filters = None
        elif filters is None and frame.interlaced_frame:
            filters = Filters(frame, ROW)
            notes += [NOTE] * (NOTE not in notes)
        if filters is None:
            yield frame
        else:
            yield from filters(frame)
    if filters is not None:
        yield from filters(None)
