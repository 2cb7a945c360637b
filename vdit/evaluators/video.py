"""Real video: continuations against what came, and how samples move beside real clips."""

import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from vdit.data import continuation
from vdit.errors import InputError
from vdit.evaluators import clustered
from vdit.evaluators.common import Clips, EvaluationData
from vdit.evaluators.frames import motion, perceptual
from vdit.evaluators.frames.similarity import LEAST, psnr, ssim
from vdit.generator import Generator
from vdit.runs.evaluations import Record


class Similarity(NamedTuple):
    """How near frames come to what came: `measure(made, real)` of uint8 (B, T, H, W, 3) is (B, T).

    `best` is that of real clips, None where it is infinite.
    """

    name: str
    measure: Callable[[np.ndarray, np.ndarray], np.ndarray]
    lower_is_better: bool
    best: float | None


MOVEMENTS = {"motion": motion.magnitude, "flicker": motion.flicker}


def evaluate(
    model: Generator,
    data: EvaluationData,
    *,
    clips: int,
    seed: int,
    seeds: int = 1,
    lpips: str | None = None,
) -> list[Record]:
    """motion_distance and flicker_distance: 1-Wasserstein, in grey levels, of sampled from real
    clips; NAME_real is that of one half of the real clips from the other, which is of fewer clips
    and therefore no lower bound of the former.

    For a model with conditioning frames extend_psnr (dB), extend_ssim and a perceptual distance
    (`frames.perceptual`, by SqueezeNet where `lpips` names a folder) of the second half of a clip,
    and NAME_01, ... for each frame ahead; NAME_still holds the last frame, NAME_linear goes on with
    each pixel's last change, NAME_coded is the real clip through the autoencoder, NAME_real is what
    frames have of themselves. What frames are too small for, or is not installed, is left out, and
    that said.

    Errors are over the videos that clips are windows of, each sampled by `seeds` seeds. Nothing on
    the embedded world, whose objects have scores of their own.
    """
    if data.dataset == "worlds" or not clips:
        return []
    real = data.clips(min(clips, len(data.validation)))
    found = _movements(data.samples(model, real.tokens, seed, seeds), real)
    if not model.config.frame_timesteps:
        return found
    frames = continuation.of_clips("extend", real.videos, model.config.latent[0])
    made = data.samples(model, real.tokens, seed, seeds, frames)
    return found + _continued(model, real, frames, made, _similarities(real.videos, lpips))


def _movements(made: list[np.ndarray], real: Clips) -> list[Record]:
    found, clusters = [], real.clusters
    again = np.tile(clusters, len(made))
    half = clusters < (clusters.max() + 1) // 2
    for name, measure in MOVEMENTS.items():
        name, truth = f"{name}_distance", measure(real.videos)
        sampled = np.concatenate([measure(videos) for videos in made])
        value = motion.wasserstein(sampled, again, truth, clusters)
        found.append(Record(name, *value, True, (f"{name}_real",)))
        if half.any():
            parts = truth[half], clusters[half], truth[~half], clusters[~half]
            found.append(Record(f"{name}_real", *motion.wasserstein(*parts), True))
    return found


def _continued(
    model: Generator,
    real: Clips,
    frames: continuation.ConditioningFrames,
    made: list[np.ndarray],
    similarities: list[Similarity],
) -> list[Record]:
    given, ahead = frames.mask, int((~frames.mask).sum())
    coded = model.autoencoder.decode(model.statistics.denormalise(real.latents))
    shown = {
        "": [v[:, ~given] for v in made],
        "_still": [frames.clips[:, ~given]],
        "_coded": [coded[:, ~given]],
    }
    if given.sum() > 1:  # one frame has no change to go on with
        shown["_linear"] = [motion.linear(real.videos[:, given], ahead)]
    found = []
    for similarity in similarities:
        values = {
            k: np.mean([similarity.measure(v, real.videos[:, ~given]) for v in videos], axis=0)
            for k, videos in shown.items()
        }
        found += _records(similarity, values, real.clusters)
    return found


def _similarities(videos: np.ndarray, lpips: str | None) -> list[Similarity]:
    """Those that the frames are large enough for."""
    found, size = [Similarity("psnr", psnr, False, None)], videos.shape[2:4]
    if min(size) >= LEAST:
        found.append(Similarity("ssim", ssim, False, 1.0))
    else:
        print(f"frames of {size}: no SSIM, its window is {LEAST} px", file=sys.stderr)
    try:
        look = perceptual.find(folder=lpips)
    except InputError as error:
        print(f"no perceptual distance: {error}", file=sys.stderr)
        return found
    if min(size) < look.least:
        words = f"no perceptual distance, {look.name} expects {look.least} px a side or more"
        print(f"frames of {size}: {words}", file=sys.stderr)
        return found
    return [*found, Similarity(f"{look.name}_{look.identity}", look, True, 0.0)]


def _records(
    similarity: Similarity, values: dict[str, np.ndarray], clusters: np.ndarray
) -> list[Record]:
    """Means of (B, T) values over a clip's frames, and of the model's at each frame ahead."""
    name, lower = f"extend_{similarity.name}", similarity.lower_is_better
    means = {k: clustered.mean(v.mean(1), clusters) for k, v in values.items()}
    if similarity.best is not None:
        means["_real"] = similarity.best, 0.0, means[""][2]
    beside = tuple(f"{name}{k}" for k in means if k)
    found = [Record(name + k, *m, lower, () if k else beside) for k, m in means.items()]
    steps = enumerate(values[""].T, start=1)
    return found + [
        Record(f"{name}_{k:02d}", *clustered.mean(v, clusters), lower) for k, v in steps
    ]
