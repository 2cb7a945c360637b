"""Clips a second that `vdit.prepare` makes by 1, 2 and 4 processes, and did before work units.

python analysis/results/reading/processes.py [--clips 400] [--rounds 3] [--before f67fe75]

Whole commands, start-up included, in turns on the same clips; each commit is unpacked by itself.
"""

import argparse
import json
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import av
import numpy as np

SIDE, FRAMES, RATE = 128, 60, 30
ROOT = pathlib.Path(__file__).parents[3]


def main() -> None:
    """Prints each round as it ends, then medians."""
    flags = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    flags.add_argument("--clips", type=int, default=400, help="files to make and prepare")
    flags.add_argument("--rounds", type=int, default=3)
    flags.add_argument("--before", default="f67fe75", help="a commit that prepares in one process")
    flags.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    asked = flags.parse_args()
    cases = [(asked.before, 1), *(("HEAD", count) for count in asked.processes)]
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        for commit in {asked.before, "HEAD"}:
            unpack(commit, place / commit)
        make_clips(place / "videos", asked.clips)
        found = {case: [] for case in cases}
        for number in range(asked.rounds):
            for case in cases:
                found[case].append(measured(place, *case))
                print(number, *case, *(f"{value:.2f}" for value in found[case][-1]), flush=True)
    print("| commit | processes | clips a second | clips a computing second |\n|---|---|---|---|")
    for (commit, count), rows in found.items():
        clock, core = (statistics.median(column) for column in zip(*rows, strict=True))
        print(f"| {commit} | {count} | {clock:.2f} | {core:.2f} |")


def unpack(commit: str, place: pathlib.Path) -> None:
    """The files of a commit."""
    place.mkdir()
    archive = subprocess.run(
        ["git", "archive", commit], cwd=ROOT, check=True, stdout=subprocess.PIPE
    )
    subprocess.run(["tar", "x", "-C", place], input=archive.stdout, check=True)


def make_clips(place: pathlib.Path, count: int) -> None:
    """H.264 files of squares of noise that cross a plane, each its own way."""
    place.mkdir()
    for index in range(count):
        rng = np.random.default_rng(index)
        ground, square = rng.integers(40, 200, 3), rng.integers(0, 255, (40, 40, 3), np.uint8)
        start, speed = rng.integers(0, SIDE - 40, 2), rng.uniform(-4, 4, 2)
        with av.open(str(place / f"{index:05d}.mp4"), "w") as container:
            stream = container.add_stream("libx264", rate=RATE, options={"crf": "24"})
            stream.width = stream.height = SIDE
            for k in range(FRAMES):
                image = np.full((SIDE, SIDE, 3), ground, np.uint8)
                top, left = (start + k * speed).astype(int) % (SIDE - 40)
                image[top : top + 40, left : left + 40] = square
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image)))
            container.mux(stream.encode(None))


def measured(place: pathlib.Path, commit: str, count: int) -> tuple[float, float]:
    """Clips a second of the clock, and of the computing of all processes."""
    out = place / "out"
    command = [sys.executable, "-m", "vdit.prepare", "--videos", place / "videos", "--out", out]
    command += ["--frames", "16", "--size", "64"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    clock, core = time.perf_counter(), computing()
    running = [subprocess.Popen(command, cwd=place / commit, **quiet) for _ in range(count)]
    if any([each.wait() for each in running]):
        sys.exit(f"{commit}: vdit.prepare failed with {count} processes")
    clock, core = time.perf_counter() - clock, computing() - core
    splits = json.loads((out / "vdit.json").read_text())["counts"].values()
    clips = sum(split["windows"] for split in splits)
    shutil.rmtree(out)
    return clips / clock, clips / core


def computing() -> float:
    """Seconds of all processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
