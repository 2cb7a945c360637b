"""What a model makes of conditioning frames of the embedded world, against what happened there."""

from vdit.data import continuation
from vdit.evaluators.common import CODED, STILL, EvaluationData, records, samples
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
    coded = locate(model.autoencoder.decode(model.statistics.denormalise(real.latents)), truths)
    for task in continuation.TASKS:
        frames = continuation.of_clips(task, real.videos, model.config.latent[0])
        made = samples(model, real.tokens, seed, seeds, frames)
        places = {"": [locate(v, truths) for v in made], STILL: [locate(frames.clips, truths)]}
        if task == "loop":
            values = {k: [largest_steps(p) for p in takes] for k, takes in places.items()}
            found += records("loop_step", values, real.clusters, lower_is_better=True)
            continue
        counted = in_sight(truths, ~frames.mask)
        values = {
            k: [position_errors(p, truths, counted) for p in takes]
            for k, takes in (places | {CODED: [coded]}).items()
        }
        found += records(f"{task}_position", values, real.clusters, lower_is_better=True)
    return found
