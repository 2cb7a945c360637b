"""What a model makes of conditioning frames of the embedded world, against what happened there."""

import numpy as np

from vdit.data import continuation
from vdit.evaluators import clustered
from vdit.evaluators.common import EvaluationData
from vdit.evaluators.objects.trajectories import largest_steps, position_errors
from vdit.generator import BATCH, Generator
from vdit.runs.evaluations import Record

BOUND, BASELINE = "position_coded", "_still"


def evaluate(model: Generator, data: EvaluationData, *, clips: int, seed: int) -> list[Record]:
    """For every task the objects' position error in px, TASK_position (of a loop the longest way
    that an object goes from one frame to the next); NAME_still is the copy baseline, which holds
    the nearest conditioning frame. position_coded is the error of the real clips through the
    autoencoder: none can be less.

    Nothing on other data sets, or for a model that was trained without conditioning frames.
    """
    if data.dataset != "worlds" or not clips or not model.config.frame_timesteps:
        return []
    real = data.clips(clips)
    truths = [data.source.truth(int(i)) for i in real.indices]
    coded = model.autoencoder.decode(model.statistics.denormalise(real.latents))
    every = np.ones(real.videos.shape[1], bool)
    found = [_record(BOUND, position_errors(coded, truths, every), real.clusters)]
    for task in continuation.TASKS:
        frames = continuation.of_clips(task, real.videos, model.config.latent[0])
        made = model.sample(real.tokens, seed, frames=frames, batch=BATCH)
        for suffix, videos in (("", made), (BASELINE, frames.clips)):
            if task == "loop":
                name, error = "loop_step", largest_steps(videos, truths)
            else:
                name, error = f"{task}_position", position_errors(videos, truths, ~frames.mask)
            found.append(_record(f"{name}{suffix}", error, real.clusters))
    return found


def _record(name: str, values: np.ndarray, clusters: np.ndarray) -> Record:
    """The mean over the clips that have a value; compared with the baseline, and with the bound."""
    own = not name.endswith(BASELINE) and name != BOUND
    compared = (f"{name}{BASELINE}", *([BOUND] if "position" in name else [])) if own else ()
    return Record(name, *clustered.mean(values, clusters), True, compared)
