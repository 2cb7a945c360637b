"""The flags of `python -m vdit.prepare`; light, for --help is to be quick."""

import argparse
import contextlib
import pathlib
import re
from collections.abc import Callable

from vdit.errors import InputError

CAPTIONS = (
    "a table (.csv, .tsv, .jsonl, .parquet) of names and captions; sidecars: a .txt or .json "
    "beside each video; or none (default: what is there of captions.csv, metadata.csv, "
    "metadata.jsonl, metadata.parquet and sidecars)"
)
CAPTION_COLUMN = "column, or a sidecar's key, of captions (default: prompt, caption, text, …)"
FILE_COLUMN = "column of the videos' names (default: video_file_name, file_name, video, …)"
LABELS = "the name of the folder that a video lies in is its caption: a class"
FPS = "frames a second, files of others resampled (default: the rate that most files have)"
HOP = (
    "frames from one window's start to the next (default: a window's span, so that windows share "
    "no frame)"
)
TILE = (
    "cut tiles at native resolution instead of one centre crop, resized; auto: where crops would "
    "be few (default never)"
)
GROUPS = (
    "videos of one recording, kept on one side of the split: a column of the captions' table, or "
    "a regular expression whose groups say which, of a video's path, e.g. '(v_.*_g\\d+)_c'"
)
SPLIT = "table of names and their split (column split: train or validation) instead of a drawn one"
KEEP = "leave validation windows in that are near-duplicates of training windows"
VALIDATION = "share of windows to hold out, by whole recordings (default 0.1)"
EXECUTOR = (
    "slurm: an array of jobs shares the work (resources: SBATCH_PARTITION, SBATCH_TIMELIMIT, …)"
)
WORKERS = "jobs of --executor slurm (default 8)"
BUCKETS = (
    "windows of several shapes instead of one, each clip's of the nearest aspect; auto: of about "
    "the pixels of --size; FILE: one a line, as 80x48@9 (WxH@frames), without --frames and --size"
)
MAX_BAD = "share of unreadable files to bear (default 0.05)"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        raise InputError(message)


def number(kind: type, low: float, high: float = float("inf")) -> Callable[[str], float]:
    """A type of argparse: a number within bounds."""

    def parse(text: str) -> float:
        with contextlib.suppress(ValueError):
            if low <= kind(text) <= high:
                return kind(text)
        bounds = f"of at least {low}" if high == float("inf") else f"from {low} to {high}"
        raise argparse.ArgumentTypeError(f"{text!r} is not a number {bounds}")

    return parse


def size(text: str) -> tuple[int, int]:
    """A type of argparse: (height, width)."""
    match = re.fullmatch(r"([1-9]\d*)(?:x([1-9]\d*))?", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is neither N nor HxW, in pixels")
    return int(match[1]), int(match[2] or match[1])


def parser() -> argparse.ArgumentParser:
    """One flag for each field of `vdit.data.video_folder.request.Request`, and who does it."""
    parser = _Parser(
        prog="python -m vdit.prepare",
        description="Cuts a folder of videos into fixed windows, splits them by video into train "
        "and validation, and writes a TFDS data set (ArrayRecord). Files that can't be read are "
        "skipped and named.",
    )
    path, count, add = pathlib.Path, number(int, 1), parser.add_argument
    add("--videos", type=path, required=True, help="folder of videos, searched deeply")
    add("--out", type=path, required=True, help="folder to make")
    add("--frames", type=count, help="frames in a window")
    add("--size", type=size, help="pixels: N for NxN, or HxW")
    add("--buckets", metavar="auto|FILE", help=BUCKETS)
    captions = parser.add_mutually_exclusive_group()
    captions.add_argument("--captions", metavar="FILE|sidecars|none", help=CAPTIONS)
    captions.add_argument("--labels", choices=("folder",), help=LABELS)
    add("--caption_column", metavar="NAME", help=CAPTION_COLUMN)
    add("--file_column", metavar="NAME", help=FILE_COLUMN)
    add("--stride", type=count, default=1, help="take every n-th frame (default 1)")
    add("--fps", type=number(float, 0.01), help=FPS)
    add("--hop", type=count, help=HOP)
    tiles = {"choices": ("never", "always", "auto"), "default": "never", "const": "always"}
    add("--tile", nargs="?", **tiles, help=TILE)
    add("--validation", type=number(float, 0.0001, 0.5), default=0.1, help=VALIDATION)
    sides = parser.add_mutually_exclusive_group()
    sides.add_argument("--groups", metavar="REGEX|COLUMN", help=GROUPS)
    sides.add_argument("--split", type=path, metavar="FILE", help=SPLIT)
    add("--keep_near_duplicates", action="store_true", help=KEEP)
    add("--max_bad", type=number(float, 0, 1), default=0.05, help=MAX_BAD)
    add("--executor", choices=("local", "slurm"), default="local", help=EXECUTOR)
    add("--workers", type=count, metavar="N", default=8, help=WORKERS)
    add("--seed", type=number(int, 0), default=0, help="of the split (default 0)")
    return parser


def check(asked: argparse.Namespace) -> None:
    """Raises `InputError` where the shape is not said, or twice."""
    given = [name for name in ("frames", "size") if getattr(asked, name) is not None]
    if asked.buckets in (None, "auto") and len(given) < 2:
        raise InputError("the following arguments are required: --frames, --size")
    if asked.buckets not in (None, "auto") and given:
        raise InputError(f"--{given[0]} with --buckets FILE: the file says the shapes")
