"""The record of a prepared folder, `vdit.json`: what made it, what is in it, what was left out."""

import dataclasses
import hashlib
import json
import pathlib

from vdit.data.video_folder import near_duplicates
from vdit.data.video_folder.ingest import Settings, Video
from vdit.errors import InputError

FILE = "vdit.json"
VERSION = 4  # raised when the same files and settings would give other windows


def inputs(
    settings: Settings, hashes: dict[str, str], captions: dict[str, str], sides: dict[str, str]
) -> dict:
    """All that decides the content of a prepared folder; `sides` are groups or splits by video."""
    files = {name: [hashes[name], captions[name]] for name in sorted(hashes)}
    settings = dataclasses.asdict(settings)
    return {"version": VERSION, "settings": settings, "files": files, "sides": sides}


def fingerprint(made_of: dict) -> str:
    """Identity of a prepared folder by what it is made of: 12 hex digits."""
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:12]


def is_there(out: pathlib.Path, made_of: dict) -> bool:
    """True where `out` holds just this; raises `InputError` where it holds anything else."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    if not (out / FILE).is_file():
        raise InputError(f"--out {out}: exists and is no prepared folder; name another")
    there = json.loads((out / FILE).read_text(encoding="utf-8"))
    if there["fingerprint"] == fingerprint(made_of):
        return True
    raise InputError(
        f"--out {out}: prepared differently ({_difference(there, made_of)}); name another folder "
        "or delete this one"
    )


def _difference(there: dict, made_of: dict) -> str:
    parts = [
        f"{key} {there['settings'].get(key)}, asked {value}"
        for key, value in made_of["settings"].items()
        if there["settings"].get(key) != value
    ]
    old = {name: [file["sha256"], file["caption"]] for name, file in there["files"].items()}
    new = made_of["files"]
    changed = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    if changed:
        parts.append(f"files or captions changed: {some(changed)}")
    if there.get("sides", {}) != made_of["sides"]:
        parts.append("other groups or splits")
    return "; ".join(parts) or "by another version of vdit.prepare"


def table(videos: list[Video]) -> str:
    """The closing table: each file that was not read whole, and why; what was noted of others."""
    odd = [video for video in videos if video.status != "whole"]
    noted: dict[str, list[str]] = {}
    for video in videos:
        for note in video.notes:
            noted.setdefault(note, []).append(video.name)
    remarks = [f"{note}: {some(names)}" for note, names in sorted(noted.items())]
    if not odd:
        return "\n".join([*remarks, f"all {len(videos)} files were read whole"])
    rows = [("file", "read", "frames", "windows", "reason")]
    rows += [(v.name, v.status, str(v.frames), str(len(v.places)), v.reason) for v in odd]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join([*map(str.ljust, row, widths), row[4]]) for row in rows]
    return "\n".join([*remarks, *lines, f"{len(odd)} of {len(videos)} files were not read whole"])


def describe(
    made_of: dict, videos: list[Video], ignored: list[str], found: near_duplicates.Found
) -> dict:
    """The content of `vdit.json`: fingerprint, settings, counts, every file, files not whole,
    near-duplicates."""
    files = {
        v.name: {
            "sha256": v.sha256,
            "caption": v.caption,
            "frames": v.frames,
            "fps": v.fps,
            "windows": v.windows,
            "notes": v.notes,
            "split": v.split if v.windows else "",
        }
        for v in videos
    }
    odd = [v for v in videos if v.status != "whole"]
    settings = made_of["settings"]
    return {
        "fingerprint": fingerprint(made_of),
        "version": made_of["version"],
        "settings": made_of["settings"],
        "fps": settings["fps"] and settings["fps"] / settings["stride"],  # of windows
        "sides": made_of["sides"],
        "counts": {split: _count(videos, split) for split in ("train", "validation")},
        "files": files,
        "not_whole": [{"file": v.name, "read": v.status, "reason": v.reason} for v in odd],
        "ignored": ignored,
        "near_duplicates": {
            "still": found.still,
            "windows": [
                {"file": video.name, "start": video.places[index][0], "like": like}
                for video, index, like in found.pairs
            ],
        },
    }


def _count(videos: list[Video], split: str) -> dict[str, int]:
    sizes = [v.windows for v in videos if v.windows and v.split == split]
    return {"videos": len(sizes), "windows": sum(sizes)}


def duplicates(found: near_duplicates.Found, kept: bool) -> str:
    """One line: how many validation windows training has nearly seen, and where."""
    like = [f"{video} like {name}" for video, name in {(v.name, of): 0 for v, _, of in found.pairs}]
    where = f" ({some(like)}): {'kept' if kept else 'left out'}" if like else ""
    return (
        f"{len(found.pairs)} of {found.windows} validation windows are near-duplicates of training "
        f"windows{where}; {found.still} stand still and were not compared"
    )


def summary(record: dict) -> str:
    """One line: windows and videos of each split, shape, fingerprint."""
    parts = [
        f"{split} {count['windows']} windows of {count['videos']} videos"
        for split, count in record["counts"].items()
    ]
    shape = "x".join(str(record["settings"][key]) for key in ("frames", "height", "width"))
    if record["fps"]:
        shape += f" at {record['fps']:g} fps"
    return f"{', '.join(parts)}, each {shape}, fingerprint {record['fingerprint']}"


def some(names: list[str]) -> str:
    """The first three names and the number of the others."""
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
