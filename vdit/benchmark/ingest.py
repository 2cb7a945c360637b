"""`vdit.prepare` beside PyAV's bare decoding of the same files, in turns. No JAX here."""

import concurrent.futures
import contextlib
import io
import json
import pathlib
import shutil
import statistics
import time
from collections.abc import Callable

import av

from vdit.data.video_folder import cutting, folder, record
from vdit.data.video_folder import prepare as library
from vdit.data.video_folder.request import Request

FRAMES, SIZE = 16, 64  # as the command's own example


def measured(videos: pathlib.Path, root: pathlib.Path, rounds: int) -> dict:
    """Frames a second of all that the command does, imports apart, and of decoding alone.

    Both work on as many files at a time as there are cores, in threads, the largest file first,
    and with FFmpeg's own defaults within a file.
    """
    names = folder.list_files(videos)[0]
    names.sort(key=lambda name: -(videos / name).stat().st_size)
    prepare(videos, root / "first", FRAMES, SIZE)  # imports what it needs
    found = []
    for _ in range(rounds):
        bare = _per_second(lambda: _decode([videos / name for name in names]))
        found.append((*_per_second(lambda: _prepare(videos, root / "prepared")), bare[0]))
    clock, core, bare = (statistics.median(column) for column in zip(*found, strict=True))
    row = {"what": f"prepare {FRAMES}x{SIZE}x{SIZE}", "unit": "frames"}
    row |= {"per_s": clock, "per_core_s": core, "against": "bare decode", "against_per_s": bare}
    return row | ratios([clock / bare for clock, _, bare in found])


def ratios(found: list[float]) -> dict:
    """The median of pairs, and their bounds."""
    return {
        "ratio": statistics.median(found),
        "ratio_least": min(found),
        "ratio_most": max(found),
    }


def prepare(videos: pathlib.Path, out: pathlib.Path, frames: int, size: int) -> pathlib.Path:
    """What the command does with no other flags, quietly; `out`."""
    quiet = io.StringIO()
    with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        library.prepare(Request(videos, out, frames, (size, size)))
    return out


def _prepare(videos: pathlib.Path, out: pathlib.Path) -> int:
    shutil.rmtree(out, ignore_errors=True)
    made = json.loads((prepare(videos, out, FRAMES, SIZE) / record.FILE).read_text())
    return sum(file["frames"] for file in made["files"].values())


def _decode(paths: list[pathlib.Path]) -> int:
    def frames(path: pathlib.Path) -> int:
        with av.open(str(path)) as container:
            return sum(1 for _ in container.decode(video=0))

    with concurrent.futures.ThreadPoolExecutor(cutting.cores()) as pool:
        return sum(pool.map(frames, paths))


def _per_second(work: Callable[[], int]) -> tuple[float, float]:
    """What `work` counted, by seconds of the clock and of computing."""
    began = time.perf_counter(), time.process_time()
    count = work()
    return count / (time.perf_counter() - began[0]), count / (time.process_time() - began[1])
