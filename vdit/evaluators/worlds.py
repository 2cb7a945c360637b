"""Scores of sampled videos of the embedded world: are the objects there that the caption names?"""

import numpy as np

from vdit.evaluators.common import Clips, EvaluationData, samples
from vdit.evaluators.objects import scores
from vdit.generator import Generator
from vdit.runs.evaluations import Record

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
    bounds = data.kept("worlds", clips, lambda: _upper_bounds(model, data.clips(count)))
    return _records(found, count) + bounds


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


def _upper_bounds(model: Generator, held_out: Clips) -> list[Record]:
    coded = model.autoencoder.decode(model.statistics.denormalise(held_out.latents))
    found = []
    for bound, videos in zip(BOUNDS, (held_out.videos, coded), strict=True):
        scored = scores.score_clips(videos, held_out.captions)
        found += _records(scored, len(held_out.captions), f"_{bound}")
    return found
