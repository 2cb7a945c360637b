"""What a model makes of conditioning frames of the embedded world, against what happened there."""

import functools
from collections.abc import Mapping, Sequence

import numpy as np

from vdit.data import continuation
from vdit.data.truth import Truth
from vdit.evaluators.common import CODED, STILL, Clips, EvaluationData, records
from vdit.evaluators.objects.trajectories import in_sight, largest_steps, locate, position_errors
from vdit.generator import Generator
from vdit.runs.evaluations import Record


def evaluate(
    model: Generator, data: EvaluationData, *, clips: int, seed: int, seeds: int = 1
) -> list[Record]:
    """For every task the objects' position error in px, TASK_position (of a loop the longest way
    that an object goes from one frame to the next, loop_step). NAME_still is the copy baseline,
    which holds the nearest conditioning frame, NAME_coded the error of the real clips through the
    autoencoder: none can be less.

    Errors are over clips, each the mean over `seeds` of the sampler. Nothing on other data sets, or
    for a model that was trained without conditioning frames.
    """
    if data.dataset != "worlds" or not clips or not model.config.frame_timesteps:
        return []
    real, found = data.clips(clips), []
    truths = [data.source.truth(int(i)) for i in real.indices]
    for task in continuation.TASKS:
        frames = continuation.of_clips(task, real.videos, model.config.latent[0])
        made = data.samples(model, real.tokens, seed, seeds, frames)
        measured = functools.partial(_measured, task, truths, ~frames.mask, real.clusters)
        bounds = functools.partial(_bounds, model, real, frames)
        found += measured({"": made})
        found += data.kept("continuation", [task, clips], lambda m=measured, b=bounds: m(b()))
    return found


def _bounds(
    model: Generator, real: Clips, frames: continuation.ConditioningFrames
) -> dict[str, list[np.ndarray]]:
    coded = model.autoencoder.decode(model.statistics.denormalise(real.latents))
    return {STILL: [frames.clips], CODED: [coded]}


def _measured(
    task: str,
    truths: Sequence[Truth],
    made_T: np.ndarray,
    clusters: np.ndarray,
    shown: Mapping[str, Sequence[np.ndarray]],
) -> list[Record]:
    """Of a task, the frames to be made, and suffix to the videos (B, T, H, W, 3) of each seed."""
    places = {k: [locate(v, truths) for v in videos] for k, videos in shown.items()}
    if task == "loop":
        steps = {k: [largest_steps(p) for p in places[k]] for k in places if k != CODED}
        return records("loop_step", steps, clusters, True, (STILL,))
    counted = in_sight(truths, made_T)
    values = {k: [position_errors(p, truths, counted) for p in places[k]] for k in places}
    return records(f"{task}_position", values, clusters, True, (STILL, CODED))
