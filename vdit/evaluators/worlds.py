"""Scores of sampled videos of the embedded world: are the objects there that the caption names?"""

import sys

import numpy as np

from vdit.evaluators.common import EvaluationData
from vdit.evaluators.objects import scores
from vdit.generator import Generator
from vdit.runs.evaluations import Record

LOWER_IS_BETTER = ("acceleration",)
BOUNDS = ("real", "coded")  # upper bounds: the real clips, and these through the autoencoder


def evaluate(
    model: Generator, data: EvaluationData, *, clips: int, seed: int, seeds: int = 1
) -> list[Record]:
    """`vdit.evaluators.objects.scores` of videos sampled for held-out captions, those of `sets`;
    NAME_real and NAME_coded are those of the real clips of the validation set, and of these through
    the autoencoder. Errors are over captions, of which each is sampled by `seeds` seeds. Nothing on
    other data sets.
    """
    if data.dataset != "worlds" or not clips:
        return []
    _, captions, prompts = data.distinct(clips)
    videos = np.concatenate(data.samples(model, prompts, seed, seeds))
    if len(captions) < clips:
        print(f"worlds: {len(captions)} clips, of {clips}: all that there are", file=sys.stderr)
    clusters = np.tile(np.arange(len(captions)), seeds)
    found = scores.score_clips(videos, captions * seeds, clusters)
    shown = min(clips, len(data.validation))
    bounds = data.kept("worlds", shown, lambda: _bounds(model, data, shown))
    return _records(found, len(captions)) + bounds


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


def _bounds(model: Generator, data: EvaluationData, clips: int) -> list[Record]:
    held_out = data.clips(clips)
    coded = model.autoencoder.decode(model.statistics.denormalise(held_out.latents))
    found = []
    for bound, videos in zip(BOUNDS, (held_out.videos, coded), strict=True):
        scored = scores.score_clips(videos, held_out.captions)
        found += _records(scored, len(held_out.captions), f"_{bound}")
    return found
