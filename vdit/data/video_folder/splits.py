"""Which videos are held out: whole recordings, so that no shot lies on both sides of the split.

Clips that were cut of one recording share its scene and often its frames. A model that is longer
trained knows them better, so such a leak grows with compute and bends a scaling law.
"""

import hashlib
import pathlib
import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

from vdit.data.video_folder.ingest import Video
from vdit.data.video_folder.tables import FILE_COLUMNS, Row, read_table, rows_of
from vdit.errors import InputError

SPLITS = ("train", "validation")
# Names of clips that were cut of one recording, without what counts the clips: UCF-101's groups,
# Kinetics' seconds of a YouTube id, PySceneDetect's scenes, numbered clips and parts.
PATTERNS = (
    r"^(.*v_\w+_g\d+)_c\d+\.",
    r"^(.*[\w-]{11})_\d{6}_\d{6}\.",
    r"^(.*)-Scene-\d+\.",
    r"^(.*)[._ -](?:clip|part|shot|seg|segment|chunk)[._ -]?\d+\.",
)


class Grouping(NamedTuple):
    """The recording of each video that has one, and what was found, in words."""

    of: dict[str, str]
    words: str


def groups_of(asked: str, videos: Sequence[str], rows: Mapping[str, Row]) -> Grouping:
    """Recordings by a column of the captions' table or, where none has that name, by a regular
    expression: what its groups (or else all of it) match in a video's path.

    Raises `InputError` for an expression that is none, or that no name matches.
    """
    if any(asked in row.cells for row in rows.values()):
        cells = {video: row.cells.get(asked) for video, row in rows.items()}
        of = {video: str(cell) for video, cell in cells.items() if cell not in (None, "")}
    else:
        of = _matched(asked, videos)
    if not of:
        raise InputError(f"--groups {asked}: no column of the captions, and no name matches it")
    alone = len(videos) - len(of)
    found = f"{len(of)} videos are of {len(set(of.values()))} groups"
    return Grouping(of, f"--groups {asked}: {found}, {alone} are by themselves")


def _matched(pattern: str, videos: Sequence[str]) -> dict[str, str]:
    try:
        found = {video: re.search(pattern, video) for video in videos}
    except re.error as error:
        raise InputError(f"--groups {pattern}: no regular expression ({error})") from error
    return {v: "/".join(map(str, m.groups() or [m[0]])) for v, m in found.items() if m}


def proposal(videos: Sequence[str]) -> str:
    """A line for names that look like clips of fewer recordings; "" where none do."""
    for pattern in PATTERNS:
        of = _matched(pattern, videos)
        if len(of) > len(videos) / 2 and len(set(of.values())) < len(of):
            return (
                f"{len(of)} names look like clips cut of {len(set(of.values()))} recordings: "
                f"--groups '{pattern}' would keep these together (now the split is by file)"
            )
    return ""


def read_splits(path: pathlib.Path, videos: Sequence[str], file_column: str | None) -> dict:
    """The split of every video from a table with a column `split`: train or validation.

    Raises `InputError` for other words and for videos that the table does not name.
    """
    table = read_table(path, "--split")
    column = table.column(file_column, FILE_COLUMNS, "--file_column")
    split = table.column("split", (), "--split")
    rows = rows_of(table, column, videos)
    of = {video: table.text(row, split) for video, row in rows.items()}
    for video, word in of.items():
        if word not in SPLITS:
            where = f"{path} {rows[video].place}"
            raise InputError(f"{where}: split {word!r}, expected train or validation")
    if missing := [video for video in videos if video not in of]:
        raise InputError(f"{path}: {len(missing)} of {len(videos)} videos not named: {missing[0]}")
    return of


def assign(
    videos: Sequence[Video], share: float, seed: int, groups: Mapping[str, str] | None = None
) -> None:
    """Sets each video's split so that validation has about `share` of all windows.

    Videos of one of `groups` go together, and files of equal content. In an order drawn by
    `seed`, such a recording joins validation if that does not pass the share; if none fits, the
    smallest one does. So validation never has more than half of the windows. Raises `InputError`
    for fewer than two recordings.
    """
    for video in videos:
        video.split = "train"
    recordings = _recordings([video for video in videos if video.places], groups or {})
    if len(recordings) < 2:
        raise InputError(
            f"{len(recordings)} different video(s) long and large enough for a window: splitting "
            "train from validation by video needs two"
        )
    for recording in _held_out(recordings, share, seed):
        for video in recording:
            video.split = "validation"


def assign_as(videos: Sequence[Video], of: Mapping[str, str]) -> None:
    """Sets each video's split as a table says; `InputError` where one has no window."""
    for video in videos:
        video.split = of[video.name]
    counts = Counter(video.split for video in videos if video.places)
    for split in SPLITS:
        if not counts[split]:
            raise InputError(f"--split: no video of {split} is long and large enough for a window")


def _recordings(videos: Sequence[Video], groups: Mapping[str, str]) -> list[list[Video]]:
    """Videos that share a group, or their bytes, or both by way of others; in order of name."""
    root = {video.name: video.name for video in videos}

    def find(name: str) -> str:
        while root[name] != name:
            name = root[name]
        return name

    first: dict[Hashable, str] = {}
    for video in videos:
        for key in [("bytes", video.sha256), ("group", groups.get(video.name, (video.name,)))]:
            root[find(video.name)] = find(first.setdefault(key, video.name))
    members = defaultdict(list)
    for video in videos:
        members[find(video.name)].append(video)
    return list(members.values())


def _held_out(recordings: list[list[Video]], share: float, seed: int) -> list[list[Video]]:
    """The recordings that validation has."""

    def windows_in(recording: list[Video]) -> int:
        return sum(len(video.places) for video in recording)

    order = sorted(recordings, key=lambda recording: _random_order(seed, recording[0].name))
    room, chosen = share * sum(map(windows_in, recordings)), []
    for recording in order:
        if windows_in(recording) <= room:
            chosen.append(recording)
            room -= windows_in(recording)
    return chosen or [min(order, key=windows_in)]


def _random_order(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()
