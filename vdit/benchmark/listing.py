"""What `vdit.prepare` holds in memory, by the number of files: names alone, nothing is decoded.

python -m vdit.benchmark.listing --files 1000 20000 [--plan]

Every file has four bytes and gives one flat window of 2x2x2, made up where a video would be
decoded; all else is done as for videos, in one process for each number of files. With --plan the
work ends where the plan is written: the one step in which a process knows all names.
"""

import argparse
import concurrent.futures
import multiprocessing
import os
import pathlib
import resource
import tempfile
import time
from typing import NamedTuple

from vdit.data.video_folder import ingest, listing, plan
from vdit.data.video_folder.prepare import prepare
from vdit.data.video_folder.request import Request

IN_FOLDER = 1000  # files of a folder


class Row(NamedTuple):
    """Of so many files: the most memory that the process had, and seconds of the clock."""

    files: int
    peak_mib: float
    seconds: float


def measured(files: int, plan_only: bool) -> Row:
    """Prepares a folder of so many files in this process, which is to be a new one."""
    ingest.cut = _made_up
    with tempfile.TemporaryDirectory() as place:
        root = pathlib.Path(place)
        _write_files(root / "videos", files)
        began = time.perf_counter()
        asked = Request(root / "videos", root / "out", 2, (2, 2), fps=10.0)
        _plan(asked, root) if plan_only else prepare(asked)
        seconds = time.perf_counter() - began
    return Row(files, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, seconds)


def _write_files(root: pathlib.Path, files: int) -> None:
    for first in range(0, files, IN_FOLDER):
        folder = f"{root}/{first // IN_FOLDER:05d}"
        os.makedirs(folder)
        for index in range(first, min(files, first + IN_FOLDER)):
            with open(f"{folder}/{index:08d}.mp4", "wb", buffering=0) as file:
                file.write(index.to_bytes(4))


def _plan(asked: Request, root: pathlib.Path) -> None:
    (root / "plan").mkdir()
    plan.identity(asked)
    plan.write(listing.listing(asked), asked.videos, root / "plan")


def _made_up(video: ingest.Video, *_: object) -> None:
    video.spool.write_bytes(bytes(2 * 2 * 2 * 3))
    video.places.append((0, 0, 0))
    video.frames = 2


def main(argv: list[str] | None = None) -> None:
    """Prints a row for each number of files."""
    parser = argparse.ArgumentParser("python -m vdit.benchmark.listing", description=__doc__)
    parser.add_argument("--files", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--plan", action="store_true", help="end with the plan")
    args = parser.parse_args(argv)
    context = multiprocessing.get_context("spawn")
    for files in args.files:
        with concurrent.futures.ProcessPoolExecutor(1, context) as pool:
            row = pool.submit(measured, files, args.plan).result()
        print(f"{row.files} files: peak {row.peak_mib:.0f} MiB, {row.seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
