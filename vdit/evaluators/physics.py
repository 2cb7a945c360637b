"""Does a model know how things move? Continued clips of the embedded world against what happens."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from vdit.data import continuation, generalization
from vdit.data.generalization import Clip
from vdit.evaluators.common import CODED, STILL, EvaluationData, records
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
Shown = Mapping[str, Sequence[np.ndarray]]  # suffix to videos (B, T, H, W, 3) of each seed


class Sampler(NamedTuple):
    """A model, its data, and what samples are drawn with: `seeds` seeds, the first being `seed`."""

    model: Generator
    data: EvaluationData
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
    sampler, options = Sampler(model, data, seed, seeds), data.source.options
    given = continuation.latent_mask_of("extend", model.config.latent[0])
    made_T = ~continuation.video_mask(given, options["num_frames"])
    tests = generalization.clips(options, clips)
    tests["bars"] = generalization.bars(options, clips, made_T)
    found = []
    for name, test in tests.items():
        measured = functools.partial(_errors, name, test, made_T)
        found += _scores(sampler, "extend", test, measured, [name, clips]) if test else []
    measured = functools.partial(_overlaps, tests["in"])
    return found + _scores(sampler, "animate", tests["in"], measured, [clips])


def _scores(
    sampler: Sampler,
    task: str,
    test: Sequence[Clip],
    measured: Callable[[Shown], list[Record]],
    key: list,
) -> list[Record]:
    """What is `measured` of the model's continuations, and of what stands beside them."""
    model, real = sampler.model, np.stack([clip.video for clip in test])
    frames = continuation.of_clips(task, real, model.config.latent[0])
    tokens = model.tokens([clip.truth.caption for clip in test])
    made = sampler.data.samples(model, tokens, sampler.seed, sampler.seeds, frames)

    def bounds() -> list[Record]:
        coded = model.autoencoder.decode(model.autoencoder.encode(real))
        shown = {STILL: [frames.clips], CODED: [coded]}
        if task == "animate":
            takes = (clip.world.second_take(clip.index) for clip in test)
            shown[TAKE] = [np.stack([take["video"] for take in takes])]
        return measured(shown)

    return measured({"": made}) + sampler.data.kept("physics", [task, *key], bounds)


def _errors(name: str, test: Sequence[Clip], made_T: np.ndarray, shown: Shown) -> list[Record]:
    truths = [clip.truth for clip in test]
    places = {k: [locate(v, truths) for v in videos] for k, videos in shown.items()}
    counted, measures = in_sight(truths, made_T), MEASURES
    if name == "bars":
        counted = [generalization.out_again(truth, made_T) for truth in truths]
        measures = {"position": position_errors}  # before it comes out there is no way to measure
    found, clusters = [], np.arange(len(test))
    for quantity, measure in measures.items():
        values = {k: [measure(p, truths, counted) for p in takes] for k, takes in places.items()}
        found += records(f"extend_{quantity}_{name}", values, clusters, True, (STILL, CODED))
    return found


def _overlaps(test: Sequence[Clip], shown: Shown) -> list[Record]:
    real, clusters = np.stack([clip.video for clip in test]), np.arange(len(test))
    scores = {k: [masks.compare(v, real) for v in videos] for k, videos in shown.items()}
    found, beside = [], (STILL, CODED, TAKE)
    for name in masks.Scores._fields:
        values = {k: [getattr(score, name) for score in takes] for k, takes in scores.items()}
        found += records(f"animate_{name}", values, clusters, name == "mse", beside)
    return found
