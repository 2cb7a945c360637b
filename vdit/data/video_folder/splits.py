"""Which videos are held out: whole recordings, so that no shot lies on both sides of the split.

Clips that were cut of one recording share its scene and often its frames. A model that is longer
trained knows them better, so such a leak grows with compute and bends a scaling law.
"""

import hashlib
import pathlib
import re
from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np
import scipy.sparse

from vdit.data.video_folder.catalogue import Catalogue
from vdit.data.video_folder.ingest import Video
from vdit.data.video_folder.tables import FILE_COLUMNS, Table, read_table
from vdit.errors import InputError

SPLITS = ("train", "validation")
# Digests of eight bytes: of a million videos two are taken for one with a chance of 3e-8.
NUMBERS = [("windows", np.int64), *((key, np.uint64) for key in ("content", "group", "order"))]
# Names of clips that were cut of one recording, without what counts the clips: UCF-101's groups,
# Kinetics' seconds of a YouTube id, PySceneDetect's scenes, numbered clips and parts.
PATTERNS = (
    r"^(.*v_\w+_g\d+)_c\d+\.",
    r"^(.*[\w-]{11})_\d{6}_\d{6}\.",
    r"^(.*)-Scene-\d+\.",
    r"^(.*)[._ -](?:clip|part|shot|seg|segment|chunk)[._ -]?\d+\.",
)


def group(files: Catalogue, asked: str, table: Table | None, file_column: str) -> str:
    """Sets recordings in the catalogue, by a column of the captions' table or, where none has that
    name, by a regular expression: what its groups (or else all of it) match in a video's path.

    Returns what was found, in words. Raises `InputError` for an expression that is none, or that no
    name matches.
    """
    if table and asked in table.columns:
        for video, row in files.rows(table, file_column):
            cell = row.cells.get(asked)
            files.set("side", video, "" if cell is None else str(cell))
    else:
        files.set_each("side", _recording(asked))
    count, groups = files.count("side")
    if not count:
        raise InputError(f"--groups {asked}: no column of the captions, and no name matches it")
    alone = len(files) - count
    return f"--groups {asked}: {count} videos are of {groups} groups, {alone} are by themselves"


def _recording(pattern: str) -> Callable[[str], str]:
    """The recording of a video by its path, "" where there is none."""
    try:
        search = re.compile(pattern).search
    except re.error as error:
        raise InputError(f"--groups {pattern}: no regular expression ({error})") from error

    def recording(video: str) -> str:
        return "/".join(map(str, m.groups() or [m[0]])) if (m := search(video)) else ""

    return recording


def proposal(files: Catalogue) -> str:
    """A line for names that look like clips of fewer recordings; "" where none do."""
    for pattern in PATTERNS:
        count, recordings = files.count_each(_recording(pattern))
        if count > len(files) / 2 and recordings < count:
            return (
                f"{count} names look like clips cut of {recordings} recordings: "
                f"--groups '{pattern}' would keep these together (now the split is by file)"
            )
    return ""


def read_splits(files: Catalogue, path: pathlib.Path, file_column: str | None) -> None:
    """Sets the split of every video, from a table with a column `split`: train or validation.

    Raises `InputError` for other words and for videos that the table does not name.
    """
    table = read_table(path, "--split")
    column = table.column(file_column, FILE_COLUMNS, "--file_column")
    split = table.column("split", (), "--split")
    for video, row in files.rows(table, column):
        word = table.text(row, split)
        if word not in SPLITS:
            raise InputError(f"{path} {row.place}: split {word!r}, expected train or validation")
        files.set("side", video, word)
    if missing := len(files) - files.count("side")[0]:
        first = next(video.name for video in files if not video.side)
        raise InputError(f"{path}: {missing} of {len(files)} videos not named: {first}")


def held_out(videos: Iterable[Video], share: float, seed: int) -> np.ndarray:
    """Which videos validation has, bool (N,), so that it has about `share` of all windows.

    Videos of one `side`, their recording, go together, and files of equal content. In an order
    drawn by `seed`, such a recording joins validation if that does not pass the share; if none
    fits, the smallest one does. So validation never has more than half of the windows. Raises
    `InputError` for fewer than two recordings. Of a video a few numbers are held, not its name.
    """
    numbers = np.array([_numbers(video, seed) for video in videos], NUMBERS)
    there = np.flatnonzero(numbers["windows"])
    recording, count = _recordings(numbers[there])
    if count < 2:
        raise InputError(
            f"{count} different video(s) long and large enough for a window: splitting "
            "train from validation by video needs two"
        )
    sizes = np.bincount(recording, numbers["windows"][there], count)
    _, firsts = np.unique(recording, return_index=True)
    order = np.argsort(numbers["order"][there][firsts], kind="stable")
    held = np.zeros(len(numbers), bool)
    held[there] = np.isin(recording, _chosen(order, sizes, share))
    return held


def held_as_asked(videos: Iterable[Video]) -> np.ndarray:
    """Which videos a table says validation has; `InputError` where a split has no window."""
    held, counts = [], Counter()
    for video in videos:
        held.append(video.side == "validation")
        counts[video.side] += bool(video.places)
    for split in SPLITS:
        if not counts[split]:
            raise InputError(f"--split: no video of {split} is long and large enough for a window")
    return np.array(held, bool)


def _numbers(video: Video, seed: int) -> tuple[int, int, int, int]:
    """What decides of a video: windows, and digests of its bytes, recording and place in the
    order."""
    recording = ("group", video.side) if video.side else ("alone", video.name)
    keys = (f"{video.sha256}", "\0".join(recording), f"{seed}:{video.name}")
    digests = (hashlib.sha256(key.encode(errors="surrogateescape")).digest() for key in keys)
    return len(video.places), *(int.from_bytes(digest[:8]) for digest in digests)


def _recordings(numbers: np.ndarray) -> tuple[np.ndarray, int]:
    """The recording of each video, numbered: they share a group, or their bytes, or both by way of
    others; and how many there are."""
    count = len(numbers)
    shared = [np.unique(numbers[key], return_inverse=True)[1] for key in ("content", "group")]
    nodes = [count, count + shared[0].max(initial=-1) + 1]
    ends = np.concatenate([base + ids for base, ids in zip(nodes, shared, strict=True)])
    starts = np.tile(np.arange(count), 2)
    total = ends.max(initial=-1) + 1
    links = scipy.sparse.coo_array((np.ones(2 * count), (starts, ends)), (total, total))
    labels = scipy.sparse.csgraph.connected_components(links, directed=False)[1][:count]
    found, recording = np.unique(labels, return_inverse=True)
    return recording, len(found)


def _chosen(order: np.ndarray, sizes: np.ndarray, share: float) -> list[int]:
    """The recordings that validation has."""
    room, chosen = share * sizes.sum(), []
    for recording in order.tolist():
        if sizes[recording] <= room:
            chosen.append(recording)
            room -= sizes[recording]
    return chosen or [order[np.argmin(sizes[order])]]
