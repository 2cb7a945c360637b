"""Scores of a model's videos of the embedded world: by their captions, and by what happened."""

import json

import numpy as np

from vdit.data import continuation, latents
from vdit.evaluators.objects import scores
from vdit.evaluators.objects.trajectories import columns, largest_steps, position_errors
from vdit.runs.checkpoint import write_json


def score(task, weights) -> dict:
    """Columns of a `VideoTask`'s samples; none on other data than the embedded world.

    A model that was trained with given frames is scored on every task of `continuation`, too.
    """
    count, seed = task.config.evaluation.clips, task.config.evaluation.seed
    if task.meta["dataset"] != "worlds" or not count:
        return {}
    chosen = np.arange(count) % len(task.validation)
    rows = task.validation.rows(chosen)
    source = latents.open_source(task.config.data, "validation")
    clips = [source[int(i)] for i in chosen]
    words, real = [clip["caption"] for clip in clips], np.stack([clip["video"] for clip in clips])
    found = scores.score_clips(task.sample(weights, rows["caption"], seed), words)
    found |= _ceiling(task, rows, real, words)
    if task.loss.given:
        found |= _continued(task, weights, rows, real, [source.truth(int(i)) for i in chosen])
    return found


def _ceiling(task, rows, real, words) -> dict:
    """Scores of the real clips, and of these through the autoencoder; kept with the cache."""
    path = task.cache / f"ceiling_{len(real)}.json"
    if not path.exists():
        found = {"real": scores.score_clips(real, words)}
        found["coded"] = scores.score_clips(_coded(task, rows), words)
        write_json(path, {_about(k, w): v for w, s in found.items() for k, v in s.items()})
    return json.loads(path.read_text())


def _coded(task, rows) -> np.ndarray:
    return task.coder.decode(latents.denormalise(rows["latent"], task.meta))


def _continued(task, weights, rows, real, truths) -> dict:
    """What was made of given frames against what happened; `still` holds the nearest of them.

    `position_coded` is the error of the real clips through the autoencoder: none can be less.
    """
    every = np.ones(real.shape[1], bool)
    out = columns("position_coded", position_errors(_coded(task, rows), truths, every))
    for name in continuation.TASKS:
        given = continuation.of_clips(name, real, task.shape.latent[0])
        made = task.sample(weights, rows["caption"], task.config.evaluation.seed, given=given)
        for kind, videos in (("", made), ("_still", given.clips)):
            if name == "loop":
                out |= columns(f"loop_step{kind}", largest_steps(videos, truths))
            else:
                error = position_errors(videos, truths, ~given.frames)
                out |= columns(f"{name}_position{kind}", error)
    return out


def _about(score: str, what: str) -> str:
    """`permanence_se` of real clips is `permanence_real_se`."""
    return f"{score[:-3]}_{what}_se" if score.endswith("_se") else f"{score}_{what}"
