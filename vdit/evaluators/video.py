"""Real video: continuations against what came, and how samples move beside real clips."""

import sys

import numpy as np

from vdit.data import continuation
from vdit.evaluators import clustered
from vdit.evaluators.common import Clips, EvaluationData, samples
from vdit.evaluators.frames import motion
from vdit.evaluators.frames.similarity import LEAST, psnr, ssim
from vdit.generator import Generator
from vdit.runs.evaluations import Record

SIMILARITIES = {"psnr": psnr, "ssim": ssim}
MOVEMENTS = {"motion": motion.magnitude, "flicker": motion.flicker}


def evaluate(
    model: Generator, data: EvaluationData, *, clips: int, seed: int, seeds: int = 1
) -> list[Record]:
    """motion_distance and flicker_distance: 1-Wasserstein, in grey levels, of sampled from real
    clips; NAME_real is that of one half of the real clips from the other, which is of fewer clips
    and therefore no lower bound of the former.

    For a model with conditioning frames extend_psnr (dB) and extend_ssim of the second half of a
    clip, and NAME_01, ... for each frame ahead; NAME_still holds the last frame, NAME_linear goes
    on with each pixel's last change, NAME_coded is the real clip through the autoencoder, and
    extend_ssim_real is 1. SSIM is left out, and that said, of frames smaller than its window.

    Errors are over the videos that clips are windows of, each sampled by `seeds` seeds. Nothing on
    the embedded world, whose objects have scores of their own.
    """
    if data.dataset == "worlds" or not clips:
        return []
    real = data.clips(min(clips, len(data.validation)))
    found = _movements(samples(model, real.tokens, seed, seeds), real)
    return found + (_continued(model, real, seed, seeds) if model.config.frame_timesteps else [])


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


def _continued(model: Generator, real: Clips, seed: int, seeds: int) -> list[Record]:
    frames = continuation.of_clips("extend", real.videos, model.config.latent[0])
    given, ahead = frames.mask, int((~frames.mask).sum())
    coded = model.autoencoder.decode(model.statistics.denormalise(real.latents))
    shown = {
        "": [v[:, ~given] for v in samples(model, real.tokens, seed, seeds, frames)],
        "_still": [frames.clips[:, ~given]],
        "_coded": [coded[:, ~given]],
    }
    if given.sum() > 1:  # one frame has no change to go on with
        shown["_linear"] = [motion.linear(real.videos[:, given], ahead)]
    found = []
    for name, measure in _similarities(real.videos).items():
        values = {
            k: np.mean([measure(v, real.videos[:, ~given]) for v in videos], axis=0)
            for k, videos in shown.items()
        }
        found += _records(f"extend_{name}", values, real.clusters)
    return found


def _similarities(videos: np.ndarray) -> dict:
    if min(videos.shape[2:4]) >= LEAST:
        return SIMILARITIES
    print(f"frames of {videos.shape[2:4]}: no SSIM, its window is {LEAST} px", file=sys.stderr)
    return {"psnr": psnr}


def _records(name: str, values: dict[str, np.ndarray], clusters: np.ndarray) -> list[Record]:
    """Means of (B, T) values over a clip's frames, and of the model's at each frame ahead."""
    best = [f"{name}_real"] * (name == "extend_ssim")
    compared = (*(f"{name}{k}" for k in values if k), *best)
    means = {k: clustered.mean(v.mean(1), clusters) for k, v in values.items()}
    found = [Record(name + k, *m, False, () if k else compared) for k, m in means.items()]
    found += [Record(real, 1.0, 0.0, means[""][2], False) for real in best]
    steps = enumerate(values[""].T, start=1)
    return found + [
        Record(f"{name}_{k:02d}", *clustered.mean(v, clusters), False) for k, v in steps
    ]
