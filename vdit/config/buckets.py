"""Buckets: the shapes of a set whose clips are not all of one, written WxH@F. No JAX.

A set of buckets is a folder with a prepared set for each, and an index. Clips keep about their
aspect under one budget of pixels, and a batch is of one bucket (NovelAI's aspect ratio bucketing;
NaViT, 2307.06304, packs instead).
"""

import json
import pathlib
import re
from typing import Any, NamedTuple

from vdit.errors import InputError

INDEX = "buckets.json"


class Bucket(NamedTuple):
    """A shape in pixels and frames."""

    width: int
    height: int
    frames: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}@{self.frames}"

    @classmethod
    def of(cls, clip: tuple[int, int, int]) -> "Bucket":
        """That of (T, H, W)."""
        return cls(clip[2], clip[1], clip[0])

    @property
    def clip(self) -> tuple[int, int, int]:
        """(T, H, W)."""
        return self.frames, self.height, self.width


def parse(text: str) -> Bucket:
    """A bucket of its name; `InputError` for what is none."""
    match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)@([1-9]\d*)", text.strip())
    if not match:
        raise InputError(f"{text.strip()!r}: expected a bucket as WxH@F, e.g. 80x48@9")
    return Bucket(*map(int, match.groups()))


def read_index(folder: str | pathlib.Path) -> dict[str, Any] | None:
    """What `vdit.prepare --buckets` wrote of a folder; None where it holds no buckets."""
    path = pathlib.Path(folder) / INDEX
    if not folder or not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {key: found[key] for key in ("fingerprint", "buckets", "left_out")}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: damaged, expected what vdit.prepare wrote") from error


def clips_of(data: Any) -> dict[str, int]:
    """Training clips by the name of the bucket, the config's own first; {} where all are of one
    shape.

    Of a resolved config `data.buckets`, else what the folder says; at most `data.train_clips` of
    each. Raises `InputError` where no bucket is of the config's shape.
    """
    counts = data.get("buckets") or _counts(data)
    if not counts:
        return {}
    own = str(own_of(data))
    if own not in counts:
        raise InputError(
            f"data.dir {data.dir}: no bucket {own} (data.width x data.height @ data.num_frames); "
            f"expected one of {', '.join(sorted(counts))}"
        )
    return {name: counts[name] for name in (own, *sorted(set(counts) - {own}))}


def own_of(data: Any) -> Bucket:
    """The shape that a config names: its samples and scores are of that one."""
    return Bucket(data.width, data.height, data.num_frames)


def _counts(data: Any) -> dict[str, int]:
    index = read_index(data.dir) if data.get("name") == "video_folder" else None
    if not index:
        return {}
    most, there = data.train_clips, {k: found["train"] for k, found in index["buckets"].items()}
    return {name: min(most, count) if most else count for name, count in there.items()}
