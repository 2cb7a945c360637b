"""Our frames beside those of ffmpeg's command line, file by file: how many, which, what colours.

python -m vdit.benchmark.reading ../shared/data/awkward ../shared/data/ingest --out reading.csv

ffmpeg is another decoder's release and another path through libswscale: it turns and mirrors as we
do, has no opinion on pixels that are not square, and converts a frame whole with exact flags.
"""

import argparse
import itertools
import pathlib
import shutil
import subprocess
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from vdit import errors
from vdit.data.video_folder import clock, decode, folder
from vdit.data.video_folder.animation import SUFFIXES
from vdit.data.video_folder.container import DecodeError, opened, video_stream
from vdit.runs.files import write_text
from vdit.runs.tables import as_csv

FLAGS = "bilinear+accurate_rnd+full_chroma_int"
AHEAD = 8  # frames that a match may skip
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # of BT.601: blind to how chroma is spread
# Levels of 255. Rounding of two pictures leaves a third of one in luma; magnitudes may reach three
# times that where chroma of 4:2:0 is spread over pixels, in which releases of libswscale differ.
CLOSE = 0.5


class Row(NamedTuple):
    """A file: frames and sizes by either, ffmpeg's frames that ours show twice or never, means of
    the difference in levels (ours less ffmpeg's), of its magnitude and of its luma's, what was
    noted, and `why` they differ: empty where they do not, "unexplained" where nothing is known."""

    file: str
    frames: int
    ffmpeg_frames: int
    size: str
    ffmpeg_size: str
    repeated: int
    skipped: int
    mean: float
    magnitude: float
    luma: float
    notes: str
    why: str


def compare(path: pathlib.Path, name: str) -> Row:
    """The row of one file."""
    reader, ours = decode.VideoReader(path), []
    faults = reader.faults
    try:
        for frame in reader:
            ours += [] if frame is None else [reader.picture(frame)]
    except DecodeError as error:
        faults = [*faults, str(error)]
    size = ours[0].shape[:2] if ours else (0, 0)
    theirs, their_size = _ffmpeg(path, size)
    shown = _match(ours, theirs)
    off = [np.float32(ours[k]) - theirs[i] for k, i in enumerate(shown)]
    means = [(x.mean(), np.abs(x).mean(), np.abs(x @ LUMA).mean()) for x in off] or [(0, 0, 0)]
    mean, magnitude, luma = np.round(np.mean(means, 0, float), 3).tolist()
    repeated, skipped = len(shown) - len(set(shown)), len(theirs) - len(set(shown))
    close = luma < CLOSE and magnitude < 3 * CLOSE
    same = size == their_size and close and not (repeated or skipped)
    why = "" if same else "; ".join(faults) or _why(reader, path, size, their_size)
    sizes = (f"{height}x{width}" for height, width in (size, their_size))
    counts = (len(ours), len(theirs), *sizes, repeated, skipped)
    return Row(name, *counts, mean, magnitude, luma, "; ".join(reader.notes), why)


def _why(
    reader: decode.VideoReader, path: pathlib.Path, size: tuple[int, ...], other: tuple[int, ...]
) -> str:
    if path.suffix in SUFFIXES:
        return "read by Pillow"
    if size != other and reader.picture.aspect != 1:
        return f"pixels {reader.picture.aspect} as wide as high: made square"
    with opened(path) as container:
        found, _ = clock.scan(container, video_stream(container))
    if np.abs(np.diff(found.times) / found.period - 1).max(initial=0) > 0.5:
        return "times are uneven: frames at even ones"
    return "; ".join(reader.notes) or "unexplained"


def _ffmpeg(path: pathlib.Path, size: tuple[int, int]) -> tuple[list[np.ndarray], tuple[int, int]]:
    """Its frames, each once, scaled to `size` where theirs is another; and the size they had."""
    frames = _run(path)
    had = frames[0].shape[:2] if frames else (0, 0)
    if frames and size[0] and had != size:
        frames = _run(path, "-vf", f"scale={size[1]}:{size[0]}")
    return frames, had


def _run(path: pathlib.Path, *options: str) -> list[np.ndarray]:
    """Frames that ffmpeg writes: PPM, a header of two lines and "255", then the pixels."""
    command = ["ffmpeg", "-v", "quiet", "-threads", "1", "-i", f"file:{path}", *options]
    command += ["-sws_flags", FLAGS, "-fps_mode", "passthrough", "-pix_fmt", "rgb24"]
    command += ["-f", "image2pipe", "-c:v", "ppm", "-"]
    nothing = subprocess.DEVNULL
    data = subprocess.run(command, stdout=subprocess.PIPE, stdin=nothing, check=False).stdout
    frames, at = [], 0
    while at < len(data):
        header = data[at : at + 64].split(b"\n", 3)
        width, height = map(int, header[1].split())
        at += sum(len(line) + 1 for line in header[:3])
        pixels = np.frombuffer(data, np.uint8, width * height * 3, at)
        frames.append(pixels.reshape(height, width, 3))
        at += pixels.size
    return frames


def _match(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> list[int]:
    """For each frame of ours, which of theirs it shows: the nearest of the next few."""
    if len(ours) == len(theirs):
        return list(range(len(ours)))
    found, now = [], 0
    for image in ours if theirs else ():
        near = itertools.islice(enumerate(theirs[now:], now), AHEAD)
        now = min(near, key=lambda each: float(np.abs(np.float32(image) - each[1]).mean()))[0]
        found.append(now)
    return found


def main(argv: list[str] | None = None) -> None:
    """Writes the table of all videos in the folders, and prints what differs."""
    parser = argparse.ArgumentParser("python -m vdit.benchmark.reading", description=__doc__)
    parser.add_argument("folders", type=pathlib.Path, nargs="+")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="table to write (.csv)")
    args = parser.parse_args(argv)
    if shutil.which("ffmpeg") is None:
        raise errors.InputError("ffmpeg: not found on PATH; expected its command line program")
    rows = []
    for root in args.folders:
        names = folder.list_files(root, "folder", folder.EXTENSIONS | {s[1:] for s in SUFFIXES})[0]
        rows += [compare(root / name, f"{root.name}/{name}") for name in names]
    write_text(args.out, as_csv([row._asdict() for row in rows]))
    for row in filter(lambda row: row.why, rows):
        print(f"{row.file}: {row.frames} frames, ffmpeg {row.ffmpeg_frames}: {row.why}")
    whys = [row.why for row in rows if row.why]
    print(f"{len(rows)} files, {len(whys)} differ, {whys.count('unexplained')} of them unexplained")


if __name__ == "__main__":
    errors.run(main)
