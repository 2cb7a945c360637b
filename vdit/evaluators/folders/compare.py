"""Two folders of videos to scores: what is asked for, what is found, and the table of it."""

import dataclasses
import hashlib
import pathlib
from collections.abc import Iterator

import numpy as np

from vdit.data.video_folder import report
from vdit.evaluators import features
from vdit.evaluators.distances import scores
from vdit.evaluators.distances.name import Name
from vdit.evaluators.features import Extractor
from vdit.evaluators.features.cached import FOLDER, cached
from vdit.evaluators.folders.videos import Folder, Shape, common_shape, look
from vdit.runs.files import user_cache

FEATURES = ("image_means", "image_changes")
BATCH = 16  # videos that are described at once


@dataclasses.dataclass(frozen=True)
class Request:
    """What is asked for; `frames` and `size` (H, W) are those that the videos have, where None."""

    videos: pathlib.Path
    reference: pathlib.Path
    metrics: tuple[str, ...] = tuple(scores.METRICS)
    features: tuple[str, ...] = FEATURES
    frames: int | None = None
    size: tuple[int, int] | None = None


@dataclasses.dataclass(frozen=True)
class Row:
    """One score: its name, and its 95 % interval where clips suffice for one."""

    name: str
    features: str
    metric: str
    value: float
    se: float | None
    low: float | None
    high: float | None
    lower_is_better: bool | None


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What scores.json holds: of so many clips of one shape, the scores and what was left out."""

    videos: str
    reference: str
    made: int
    real: int
    clip: Shape
    scores: tuple[Row, ...]
    left_out: tuple[str, ...]


def compare(asked: Request) -> Comparison:
    """The scores of a folder against another, both samples: features are kept in the user's cache
    folder by the content of the files. Raises `InputError`."""
    scores.check(asked.metrics)
    extractors = [features.find(name) for name in asked.features]
    made = look(asked.videos, "--videos", asked.frames)
    real = look(asked.reference, "--reference", asked.frames)
    shape = common_shape((made, real), asked.frames, asked.size)
    counts, rows = (len(made.shapes), len(real.shapes)), []
    left_out = [line for folder in (made, real) for line in _unused(folder, shape)]
    for extractor in extractors:
        made_ND, real_MD = (_describe(extractor, folder, shape) for folder in (made, real))
        for score in scores.measure([made_ND], real_MD, asked.metrics):
            split = f"ref{real.content[:8]}"
            rows.append(_row(Name.of(score.metric, extractor, counts, shape, split), score))
        withheld = scores.withheld(*counts, real_MD.shape[1], asked.metrics)
        left_out += [f"{extractor.name}: {line}" for line in withheld]
    where = str(asked.videos), str(asked.reference)
    return Comparison(*where, *counts, shape, tuple(rows), tuple(left_out))


def _unused(folder: Folder, shape: Shape) -> list[str]:
    """What of a folder does not enter the scores."""
    longer = sum(found.frames > shape.frames for found in folder.shapes.values())
    lines = [f"{folder.root}: {longer} videos cut to {shape.frames} frames"] if longer else []
    if folder.ignored:
        names = report.some(folder.ignored)
        lines.append(f"{folder.root}: ignored {names}: not videos by their names")
    return lines


def _describe(extractor: Extractor, folder: Folder, shape: Shape) -> np.ndarray:
    content = hashlib.sha256(f"{folder.content} {shape}".encode()).hexdigest()
    return cached(
        user_cache(FOLDER), extractor, content, lambda: _features(extractor, folder, shape)
    )


def _features(extractor: Extractor, folder: Folder, shape: Shape) -> np.ndarray:
    return np.concatenate([extractor(videos) for videos in _batches(folder, shape)])


def _batches(folder: Folder, shape: Shape) -> Iterator[np.ndarray]:
    batch = []
    for clip in folder.clips(shape):
        batch.append(clip)
        if len(batch) == BATCH:
            yield np.stack(batch)
            batch = []
    if batch:
        yield np.stack(batch)


def _row(name: Name, score: scores.Score) -> Row:
    low, high = score.error.interval() if score.error else (None, None)
    error = score.error and score.error.se
    better = scores.METRICS[score.metric].lower_is_better
    return Row(str(name), name.features, name.metric, score.value, error, low, high, better)


def table(found: Comparison) -> str:
    """As lines: of what, a row for each score, what was withheld."""
    clip = "{} frames of {}x{}".format(*found.clip)
    lines = [f"{found.made} videos against {found.real}, {clip}"]
    lines.append(f"{'features':14} {'metric':14} {'value':>10} {'error':>9}  95 % interval")
    for row in found.scores:
        error = "" if row.se is None else f"{row.se:9.3g}  {row.low:.4g} to {row.high:.4g}"
        lines.append(f"{row.features:14} {row.metric:14} {row.value:10.4g} {error}".rstrip())
    return "\n".join([*lines, *found.left_out])
