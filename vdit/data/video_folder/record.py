"""The record of a prepared folder, `vdit.json`: what made it, what is in it, what was left out."""

import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Iterable, Iterator
from typing import Any

from vdit.data.video_folder import report
from vdit.data.video_folder.catalogue import Listed
from vdit.data.video_folder.ingest import Settings, Video
from vdit.data.video_folder.near_duplicates import Found
from vdit.errors import InputError
from vdit.runs.files import read_json

FILE = "vdit.json"
VERSION = 6  # raised when the same files and settings would give other windows


def fingerprint(settings: Settings, videos: Iterable[Video | Listed]) -> str:
    """Identity of a prepared folder by all that decides its content: 12 hex digits.

    The digest of one JSON object with sorted keys, which is never whole in memory; `videos` (name,
    sha256, caption, side) are gone through twice.
    """
    parts = {
        "files": _object((v.name, [v.sha256, v.caption]) for v in videos),
        "settings": [json.dumps(dataclasses.asdict(settings), sort_keys=True)],
        "sides": _object((v.name, v.side) for v in videos if v.side),
        "version": [json.dumps(VERSION)],
    }
    digest = hashlib.sha256()
    for before, (key, texts) in zip(("{", ", ", ", ", ", "), parts.items(), strict=True):
        digest.update(f'{before}"{key}": '.encode())
        for text in texts:
            digest.update(text.encode())
    digest.update(b"}")
    return digest.hexdigest()[:12]


def _object(items: Iterable[tuple[str, Any]]) -> Iterator[str]:
    """The text of a JSON object, piece by piece."""
    yield "{"
    for index, (key, value) in enumerate(items):
        yield f"{', ' * (index > 0)}{json.dumps(key)}: {json.dumps(value)}"
    yield "}"


def is_prepared(out: pathlib.Path) -> bool:
    """True where `out` is a prepared folder, False where nothing is there; raises `InputError`
    where it is anything else."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    if not (out / FILE).is_file():
        raise InputError(f"--out {out}: exists and is no prepared folder; name another")
    return True


def check_same(out: pathlib.Path, settings: Settings, videos: Iterable[Listed]) -> str:
    """The fingerprint of a prepared folder; raises `InputError` where it holds anything else."""
    there = read_json(out / FILE, "what vdit.prepare wrote")
    if there["fingerprint"] == (found := fingerprint(settings, videos)):
        return found
    raise InputError(
        f"--out {out}: prepared differently ({_difference(there, settings, videos)}); name another "
        "folder or delete this one"
    )


def _difference(there: dict, settings: Settings, videos: Iterable[Listed]) -> str:
    parts = [
        f"{key} {there['settings'].get(key)}, asked {value}"
        for key, value in dataclasses.asdict(settings).items()
        if there["settings"].get(key) != value
    ]
    old = {name: [file["sha256"], file["caption"]] for name, file in there["files"].items()}
    new = {video.name: [video.sha256, video.caption] for video in videos}
    changed = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    if changed:
        parts.append(f"files or captions changed: {report.some(changed)}")
    if there.get("sides", {}) != {video.name: video.side for video in videos if video.side}:
        parts.append("other groups or splits")
    return "; ".join(parts) or "by another version of vdit.prepare"


def write(
    path: pathlib.Path,
    settings: Settings,
    videos: Iterable[Video],
    ignored: list[str],
    near: dict[str, Any],
) -> dict[str, Any]:
    """Writes `vdit.json`, a line for each file: fingerprint, settings, counts, every file, files
    not whole, near-duplicates. `videos` are gone through some times and never all in memory.
    Returns what does not grow with their number."""
    head = {
        "fingerprint": fingerprint(settings, videos),
        "version": VERSION,
        "settings": dataclasses.asdict(settings),
        "fps": settings.fps and settings.fps / settings.stride,  # of windows
        "counts": counts(videos),
        "ignored": ignored,
        "near_duplicates": near,
    }
    odd = (v for v in videos if v.status != "whole")
    rows = {
        "sides": ('{}', (f"{_text(v.name)}: {_text(v.side)}" for v in videos if v.side)),
        "files": ('{}', (f"{_text(v.name)}: {_text(_file(v))}" for v in videos)),
        "not_whole": (
            '[]', (_text({"file": v.name, "read": v.status, "reason": v.reason}) for v in odd)
        ),
    }  # fmt: skip
    with path.open("w", encoding="utf-8") as file:
        file.write("{\n" + "".join(f"{_text(k)}: {_text(v)},\n" for k, v in head.items()))
        for index, (key, ((opens, closes), lines)) in enumerate(rows.items()):
            file.write(f"{_text(key)}: {opens}")
            file.writelines(f"{',' * (row > 0)}\n {line}" for row, line in enumerate(lines))
            file.write(f"{closes}{',' * (index < 2)}\n")
        file.write("}\n")
    return head


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _file(video: Video) -> dict[str, Any]:
    return {
        "sha256": video.sha256,
        "caption": video.caption,
        "frames": video.frames,
        "fps": video.fps,
        "windows": video.windows,
        "notes": video.notes,
        "split": video.split if video.windows else "",
    }


def near_duplicates(found: Found) -> dict[str, Any]:
    """The windows of validation that training has nearly seen."""
    windows = [
        {"file": video.name, "start": video.places[index][0], "like": like}
        for video, index, like in found.pairs
    ]
    return {"still": found.still, "windows": windows}


def counts(videos: Iterable[Video]) -> dict[str, dict[str, int]]:
    """Videos and windows of each split."""
    found = {split: {"videos": 0, "windows": 0} for split in ("train", "validation")}
    for video in videos:
        if video.windows:
            found[video.split]["videos"] += 1
            found[video.split]["windows"] += video.windows
    return found
