"""The loss on the clips of a set of buckets, whatever shapes a run was trained on."""

import math
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from vdit.config import buckets
from vdit.data.sources import open_source
from vdit.errors import InputError
from vdit.evaluators import clustered
from vdit.evaluators.common import EvaluationData
from vdit.generator import Generator
from vdit.runs.evaluations import Record


def evaluate(
    model: Generator, data: EvaluationData, *, clips: int, seed: int, dir: str = ""
) -> list[Record]:
    """`shapes_loss_80x48@9` of each bucket of the folder `dir` (a set of `vdit.prepare --buckets`),
    on up to `clips` of its validation clips at the bucket's own shape, and `shapes_loss`, their
    mean by the buckets' patches in training. `seed` is that of the noises.

    So runs on other shapes are compared: on square crops of the same videos, say. Nothing without
    `dir`, or for no clips; raises `InputError` where that holds no buckets.
    """
    if not (dir and clips):
        return []
    found, patches = {}, {}
    for name, counts in buckets_of(dir, "shapes").items():
        found[name] = _measured(model.at(name), name, dir, clips, seed)
        patches[name] = counts["train"] * model.at(name).config.tokens
    return [_mean(found, patches), *found.values()]


def buckets_of(dir: str, evaluator: str) -> dict[str, Any]:
    """The buckets of a set by name; `InputError` where the folder that an evaluator is told holds
    none."""
    if index := buckets.read_index(dir):
        return index["buckets"]
    raise InputError(
        f"evaluators.{evaluator}.dir={dir}: expected a folder of vdit.prepare --buckets"
    )


def held_out(name: str, dir: str, clips: int) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Up to `clips` validation clips of a bucket: videos, captions, and the recording of each."""
    source = open_source(_data(name, dir, clips), "validation")
    items = [source[i] for i in range(len(source))]
    videos, captions = np.stack([x["video"] for x in items]), [x["caption"] for x in items]
    return videos, captions, np.array([item["recording"] for item in items])


def _measured(model: Generator, name: str, dir: str, clips: int, seed: int) -> Record:
    videos, captions, recordings = held_out(name, dir, clips)
    losses = model.losses(videos, captions, seed)
    return Record(f"shapes_loss_{name}", *clustered.mean(losses, recordings), True)


def _data(name: str, dir: str, clips: int) -> Any:
    """A config's `data` for a bucket."""
    own = dict(zip(("num_frames", "height", "width"), buckets.parse(name).clip, strict=True))
    of = {"name": "video_folder", "dir": dir, "train_clips": 0, "validation_clips": clips}
    return ConfigDict(of | own)


def _mean(found: dict[str, Record], patches: dict[str, int]) -> Record:
    """Over buckets, which are independent."""
    total = sum(patches.values())
    shares = [(patches[name] / total, record) for name, record in found.items()]
    value = sum(share * record.value for share, record in shares)
    error = math.sqrt(sum((share * record.se) ** 2 for share, record in shares))
    return Record("shapes_loss", value, error, sum(r.n for r in found.values()), True)
