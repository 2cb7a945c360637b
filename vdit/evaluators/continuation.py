"""What a model makes of conditioning frames of the embedded world, against what happened there."""

import numpy as np

from vdit.data import continuation
from vdit.evaluators import clustered
from vdit.evaluators.common import EvaluationData, samples
from vdit.evaluators.objects.trajectories import in_sight, largest_steps, locate, position_errors
from vdit.generator import Generator
from vdit.runs.evaluations import Record

BOUND, BASELINE = "position_coded", "_still"


def evaluate(
    model: Generator, data: EvaluationData, *, clips: int, seed: int, seeds: int = 1
) -> list[Record]:
    """For every task the objects' position error in px, TASK_position (of a loop the longest way
    that an object goes from one frame to the next); NAME_still is the copy baseline, which holds
    the nearest conditioning frame. position_coded is the error of the real clips through the
    autoencoder: none can be less.

    Errors are over clips, each the mean over `seeds` of the sampler. Nothing on other data sets, or
    for a model that was trained without conditioning frames.
    """
    if data.dataset != "worlds" or not clips or not model.config.frame_timesteps:
        return []
    real = data.clips(clips)
    truths = [data.source.truth(int(i)) for i in real.indices]
    coded = model.autoencoder.decode(model.statistics.denormalise(real.latents))
    every = in_sight(truths, np.ones(real.videos.shape[1], bool))
    bound = position_errors(locate(coded, truths), truths, every)
    found = [_record(BOUND, bound, real.clusters)]
    for task in continuation.TASKS:
        frames = continuation.of_clips(task, real.videos, model.config.latent[0])
        made = samples(model, real.tokens, seed, seeds, frames)
        for suffix, takes in (("", made), (BASELINE, [frames.clips])):
            places = [locate(videos, truths) for videos in takes]
            if task == "loop":
                name, errors = "loop_step", [largest_steps(p) for p in places]
            else:
                counted = in_sight(truths, ~frames.mask)
                name = f"{task}_position"
                errors = [position_errors(p, truths, counted) for p in places]
            found.append(_record(f"{name}{suffix}", np.mean(errors, axis=0), real.clusters))
    return found


def _record(name: str, values: np.ndarray, clusters: np.ndarray) -> Record:
    """The mean over the clips that have a value; compared with the baseline, and with the bound."""
    own = not name.endswith(BASELINE) and name != BOUND
    compared = (f"{name}{BASELINE}", *([BOUND] if "position" in name else [])) if own else ()
    return Record(name, *clustered.mean(values, clusters), True, compared)
