"""Which shapes a folder's clips are cut to, where not to one, and which clip to which.

Headers and first frames say what a clip is: how wide for its height as it is shown, and how long.
"""

import collections
import concurrent.futures
import math
import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import av

from vdit.config.buckets import Bucket, parse
from vdit.data.video_folder import animation, container, cutting, folder, geometry, windows
from vdit.errors import InputError

AUTO, MOST = "auto", 6  # buckets that are chosen, at most
FEWEST = 0.02  # of the clips, in a bucket that is chosen; and two, for there are two splits
WIDEST = 4.0  # aspect


class Look(NamedTuple):
    """A clip as it is shown: width by height, and about how many frames it has."""

    aspect: float
    frames: float


def looks(root: pathlib.Path, names: Iterable[str], fps: float | None) -> dict[str, Look | None]:
    """Of each file, its frames counted at `fps`; None where it can't be read."""
    names = list(names)
    with concurrent.futures.ThreadPoolExecutor(cutting.cores()) as pool:
        return dict(zip(names, pool.map(lambda name: _look(root / name, fps), names), strict=True))


def _look(path: pathlib.Path, fps: float | None) -> Look | None:
    try:
        aspect = _aspect(path)
    except (container.DecodeError, av.FFmpegError, StopIteration):
        return None
    if is_picture(path):
        return Look(aspect, 1)
    rate, frames = _length(path)
    if not frames:
        return Look(aspect, math.inf)  # cutting will tell
    other = fps and rate and not container.same_rate(rate, fps)
    return Look(aspect, frames * fps / rate if other else frames)


def is_picture(path: pathlib.Path) -> bool:
    """By its name, and where that leaves it open by whether it moves."""
    is_one = path.suffix.lower()[1:] in folder.PICTURES
    return is_one and (not folder.may_move(path.name) or animation.is_still(path))


def _length(path: pathlib.Path) -> tuple[float | None, int]:
    """Frames a second, and about how many; of an animated picture headers don't tell."""
    if folder.may_move(path.name):
        return animation.rate(path), animation.frames(path)
    return container.rate_by_header(path), container.frames_by_header(path)


def _aspect(path: pathlib.Path) -> float:
    """Of the first frame, upright, in square pixels."""
    if path.suffix.lower() in animation.SUFFIXES:
        _, frame = next(animation.read(path)[0])
        return frame.width / frame.height
    with container.opened(path) as opened:
        stream = container.video_stream(opened)
        frame = next(opened.decode(stream))
        aspect = frame.width / frame.height * float(stream.sample_aspect_ratio or 1)
        return 1 / aspect if geometry.orientation(frame).transposed else aspect


def read(path: pathlib.Path) -> list[Bucket]:
    """The buckets of a file, one a line; `InputError` names a line that is none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--buckets {path}: neither auto nor a file of buckets") from error
    found = []
    for number, line in enumerate(lines, 1):
        if text := line.partition("#")[0].strip():
            try:
                bucket = parse(text)
            except InputError as error:
                raise InputError(f"--buckets {path} line {number}: {error}") from error
            if bucket in found:
                raise InputError(f"--buckets {path} line {number}: {bucket} is there already")
            found.append(bucket)
    if not found:
        raise InputError(f"--buckets {path}: no bucket; expected one a line, as 80x48@9")
    return found


def choose(
    clips: Iterable[Look], size: tuple[int, int], frames: int, stride: int = 1
) -> list[Bucket]:
    """Few buckets of the budget's pixels, H x W, about as the clips are that fill their frames: the
    one of fewest clips goes, as long as there are more than `MOST`, or it has fewer than `FEWEST`
    of all."""
    left = list(_candidates(size, frames))
    clips = [clip for clip in clips if windows.span(frames, stride) <= clip.frames]
    least = max(2, FEWEST * len(clips))
    while len(left) > 1:
        votes = collections.Counter({bucket: 0 for bucket in left})
        votes.update(_nearest(clip, left) for clip in clips)
        fewest = min(left, key=lambda bucket: (votes[bucket], -_skew(bucket), bucket))
        if len(left) <= MOST and votes[fewest] >= least:
            break
        left.remove(fewest)
    return left


def _candidates(size: tuple[int, int], frames: int) -> Iterator[Bucket]:
    """The shape itself, and for each width the height that spends most of its pixels, in multiples
    of what autoencoders and patches divide."""
    height, width = size
    unit = 16 if height * width >= 128 * 128 else 8
    yield Bucket(width, height, frames)
    for wide in range(unit, int(math.sqrt(height * width * WIDEST)) + 1, unit):
        tall = height * width // wide // unit * unit
        bucket = Bucket(wide, tall, frames)
        if tall and 1 / WIDEST <= wide / tall <= WIDEST and (wide, tall) != (width, height):
            yield bucket


def _skew(bucket: Bucket) -> float:
    return abs(math.log(bucket.width / bucket.height))


def _nearest(clip: Look, among: Iterable[Bucket]) -> Bucket:
    """Of the nearest aspect, of these the one of most frames."""

    def far(bucket: Bucket) -> tuple[float, int, Bucket]:
        off = abs(math.log(clip.aspect * bucket.height / bucket.width))
        return round(off, 6), -bucket.frames, bucket

    return min(among, key=far)


def assign(
    clips: Mapping[str, Look], among: Sequence[Bucket], stride: int
) -> tuple[dict[Bucket, list[str]], list[str]]:
    """The clips of each bucket, and those whose frames fill none."""
    found, short = {bucket: [] for bucket in among}, []
    for name, clip in clips.items():
        filled = [b for b in among if windows.span(b.frames, stride) <= clip.frames]
        (found[_nearest(clip, filled)] if filled else short).append(name)
    return found, short
