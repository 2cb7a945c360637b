"""Scores of sampled videos of the embedded world: are the objects there that the caption names?"""

import numpy as np

from vdit.evaluators.common import Clips, EvaluationData, samples
from vdit.evaluators.objects import scores
from vdit.generator import Generator
from vdit.runs.evaluations import Record
from vdit.runs.files import read_json, write_json

LOWER_IS_BETTER = ("acceleration",)
BOUNDS = ("real", "coded")  # upper bounds: the real clips, and these through the autoencoder


def evaluate(
    model: Generator, data: EvaluationData, *, clips: int, seed: int, seeds: int = 1
) -> list[Record]:
    """`vdit.evaluators.objects.scores` of videos sampled for held-out captions; NAME_real and
    NAME_coded are those of the real clips, and of these through the autoencoder. Errors are over
    captions, of which each is sampled by `seeds` seeds. Nothing on other data sets.
    """
    if data.dataset != "worlds" or not clips:
        return []
    held_out = data.clips(clips)
    videos = np.concatenate(samples(model, held_out.tokens, seed, seeds))
    clusters = np.tile(held_out.clusters, seeds)
    found = scores.score_clips(videos, held_out.captions * seeds, clusters)
    count = len(np.unique(held_out.clusters))
    return _records(found, count) + _upper_bounds(model, data, data.clips(count))


def _records(found: dict[str, float], count: int, suffix: str = "") -> list[Record]:
    """Records of `score_clips`; those of sampled videos are compared with the upper bounds."""
    return [
        Record(
            name + suffix,
            found[name],
            found[f"{name}_se"],
            found.get(f"{name}_n", count),
            name in LOWER_IS_BETTER,
            () if suffix else tuple(f"{name}_{bound}" for bound in BOUNDS),
        )
        for name in scores.NAMES
    ]


def _upper_bounds(model: Generator, data: EvaluationData, held_out: Clips) -> list[Record]:
    """They depend on the cache alone, and are kept there."""
    path = data.cache / f"upper_bounds_{len(held_out.captions)}.json"
    if not path.exists():
        coded = model.autoencoder.decode(model.statistics.denormalise(held_out.latents))
        found = {
            bound: scores.score_clips(videos, held_out.captions)
            for bound, videos in zip(BOUNDS, (held_out.videos, coded), strict=True)
        }
        write_json(path, found)
    stored = read_json(path, "scores of real and coded clips")
    return [
        r for b in BOUNDS for r in _records(_numbers(stored[b]), len(held_out.captions), f"_{b}")
    ]


def _numbers(stored: dict[str, float | None]) -> dict[str, float]:
    """A number that is not finite is null in JSON."""
    return {name: np.nan if value is None else value for name, value in stored.items()}
