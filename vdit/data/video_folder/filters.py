"""FFmpeg's filters in a row, for the frames of one file."""

import contextlib
from collections.abc import Iterator

import av
from av.filter import Graph


class Filters:
    """A row of (name, arguments), set up for frames of the form of `frame`; in one thread, as
    files are what runs side by side."""

    def __init__(self, frame: av.VideoFrame, row: list[tuple[str, str]]):
        self._graph = Graph()  # its filters die with it
        self._graph.threads = 1
        form = (
            f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}:"
            f"time_base={frame.time_base or 1}:colorspace={int(frame.colorspace)}:"
            f"range={int(frame.color_range)}"
        )
        nodes = [self._graph.add(*each) for each in [("buffer", form), *row, ("buffersink", None)]]
        self._graph.link_nodes(*nodes).configure()
        self._source, self._sink = nodes[0], nodes[-1]

    def __call__(self, frame: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
        """Takes a frame, or None after the last; yields those that are ready."""
        self._source.push(frame)
        with contextlib.suppress(av.BlockingIOError, av.EOFError):
            while True:
                yield self._sink.pull()
