"""Does a model know how things move? Continued clips of the embedded world against what happens."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from vdit.data import continuation, generalization
from vdit.data.generalization import Clip
from vdit.evaluators.common import CODED, STILL, EvaluationData, records, samples
from vdit.evaluators.frames import masks
from vdit.evaluators.objects.trajectories import (
    in_sight,
    locate,
    position_errors,
    velocity_errors,
)
from vdit.generator import Generator
from vdit.runs.evaluations import Record

MEASURES = {"position": position_errors, "velocity": velocity_errors}
TAKE = "_second_take"


class Sampler(NamedTuple):
    """A model, and what its samples are drawn with: `seeds` seeds, the first being `seed`."""

    model: Generator
    seed: int
    seeds: int


def evaluate(
    model: Generator, data: EvaluationData, *, clips: int, seed: int, seeds: int = 1
) -> list[Record]:
    """extend_position_TEST (px) and extend_velocity_TEST (px/frame): errors of the objects in the
    second half of clips in distribution, out of it, and of unseen combinations (2411.02385; see
    `vdit.data.generalization`). extend_position_bars: in frames where an object comes out again
    from behind a bar.

    animate_spatial_iou, animate_spatiotemporal_iou, animate_weighted_spatial_iou and animate_mse:
    Physics-IQ's scores (2501.09038) where one frame is given. NAME_second_take is that of another
    clip with the same frame and caption, which leave velocities open.

    NAME_still is the copy baseline, NAME_coded that of real clips through the autoencoder. Errors
    are over clips, each the mean over `seeds` of the sampler. Nothing on other data sets, or for a
    model that was trained without conditioning frames.
    """
    if data.dataset != "worlds" or not clips or not model.config.frame_timesteps:
        return []
    sampler, options = Sampler(model, seed, seeds), data.source.options
    given = continuation.latent_mask_of("extend", model.config.latent[0])
    made_T = ~continuation.video_mask(given, options["num_frames"])
    tests = generalization.clips(options, clips)
    tests["bars"] = generalization.bars(options, clips, made_T)
    errors = [_errors(sampler, name, test) for name, test in tests.items() if test]
    return [*itertools.chain(*errors), *_overlaps(sampler, tests["in"])]


def _errors(sampler: Sampler, name: str, test: Sequence[Clip]) -> list[Record]:
    truths = [clip.truth for clip in test]
    frames, shown = _continued(sampler, test, "extend")
    places = {k: [locate(v, truths) for v in videos] for k, videos in shown.items()}
    counted, measures = in_sight(truths, ~frames.mask), MEASURES
    if name == "bars":
        counted = [generalization.out_again(truth, ~frames.mask) for truth in truths]
        measures = {"position": position_errors}  # before it comes out there is no way to measure
    found = []
    for quantity, measure in measures.items():
        values = {k: [measure(p, truths, counted) for p in takes] for k, takes in places.items()}
        found += records(f"extend_{quantity}_{name}", values, np.arange(len(test)), True)
    return found


def _overlaps(sampler: Sampler, test: Sequence[Clip]) -> list[Record]:
    real = _videos(test)
    _, shown = _continued(sampler, test, "animate")
    shown[TAKE] = [np.stack([clip.world.second_take(clip.index)["video"] for clip in test])]
    scores = {k: [masks.compare(v, real) for v in videos] for k, videos in shown.items()}
    found = []
    for name in masks.Scores._fields:
        values = {k: [getattr(score, name) for score in takes] for k, takes in scores.items()}
        found += records(f"animate_{name}", values, np.arange(len(test)), name == "mse")
    return found


def _continued(
    sampler: Sampler, test: Sequence[Clip], task: str
) -> tuple[continuation.ConditioningFrames, dict[str, list[np.ndarray]]]:
    """What conditions a task; videos of the model's seeds, of the baseline, of the bound."""
    model, real = sampler.model, _videos(test)
    frames = continuation.of_clips(task, real, model.config.latent[0])
    tokens = model.tokens([clip.truth.caption for clip in test])
    made = samples(model, tokens, sampler.seed, sampler.seeds, frames)
    coded = model.autoencoder.decode(model.autoencoder.encode(real))
    return frames, {"": made, STILL: [frames.clips], CODED: [coded]}


def _videos(test: Sequence[Clip]) -> np.ndarray:
    return np.stack([clip.video for clip in test])
