"""Files cut side by side, one thread a core: most of the work is done outside Python's lock."""

import concurrent.futures
import os
import pathlib
import threading
from collections.abc import Callable, Iterator

from vdit.data.video_folder import folder, ingest


class _Stopped(Exception):
    """The cutting was given up; nobody wants this file's windows any more."""


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cut_all(
    videos: list[ingest.Video],
    root: pathlib.Path,
    settings: ingest.Settings,
    on_frame: Callable[[ingest.Video], None],
    workers: int,
) -> Iterator[ingest.Video]:
    """Hashes and cuts every file, the largest first; yields each when done.

    `on_frame` is called at every frame.

    A file is one thread's and has a spool of its own, so neither the number of threads nor the
    order in which they end can be seen in the result. An interrupt or an error ends all of them.
    """
    stop = threading.Event()

    def cut(video: ingest.Video) -> ingest.Video:
        video.sha256 = folder.file_hash(root / video.name)
        ingest.cut(video, root / video.name, settings, lambda: _go_on(stop, video, on_frame))
        return video

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        try:
            largest = sorted(videos, key=lambda video: -folder.size(root / video.name))
            for done in concurrent.futures.as_completed([pool.submit(cut, v) for v in largest]):
                yield done.result()
        finally:  # an error, an interrupt, or a caller who has seen enough
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)


def _go_on(
    stop: threading.Event, video: ingest.Video, on_frame: Callable[[ingest.Video], None]
) -> None:
    if stop.is_set():
        raise _Stopped
    on_frame(video)
