"""Real video: continuations against what came, and how samples move beside real clips."""

import numpy as np

from vdit.data import continuation
from vdit.evaluators.common import Clips, EvaluationData
from vdit.evaluators.frames import motion
from vdit.evaluators.frames.similarity import psnr, ssim
from vdit.generator import BATCH, Generator
from vdit.runs.evaluations import Record

SIMILARITIES = {"psnr": psnr, "ssim": ssim}
MOVEMENTS = {"motion": motion.magnitude, "flicker": motion.flicker}


def evaluate(model: Generator, data: EvaluationData, *, clips: int, seed: int) -> list[Record]:
    """motion_distance and flicker_distance: 1-Wasserstein, in grey levels, of sampled from real
    clips; NAME_real is that of one half of the real clips from the other, which is of fewer clips
    and therefore no lower bound of the former.

    For a model with conditioning frames extend_psnr (dB) and extend_ssim of the second half of a
    clip, and NAME_01, ... for each frame ahead; NAME_still holds the last frame, NAME_linear goes
    on with each pixel's last change, NAME_coded is the real clip through the autoencoder, and
    extend_ssim_real is 1. Errors are over clips, for one seed of the sampler.

    Nothing on the embedded world, whose objects have scores of their own.
    """
    if data.dataset == "worlds" or not clips:
        return []
    real = data.clips(min(clips, len(data.validation)))
    found = _movements(model.sample(real.tokens, seed, batch=BATCH), real.videos)
    return found + (_continued(model, real, seed) if model.config.frame_timesteps else [])


def _movements(made: np.ndarray, real: np.ndarray) -> list[Record]:
    found, half = [], len(real) // 2
    for name, measure in MOVEMENTS.items():
        name, truth = f"{name}_distance", measure(real)
        value = motion.wasserstein(measure(made), truth)
        found.append(Record(name, *value, len(made), True, (f"{name}_real",)))
        if half:
            among = motion.wasserstein(truth[:half], truth[half : 2 * half])
            found.append(Record(f"{name}_real", *among, half, True))
    return found


def _continued(model: Generator, real: Clips, seed: int) -> list[Record]:
    frames = continuation.of_clips("extend", real.videos, model.config.latent[0])
    given, ahead = frames.mask, int((~frames.mask).sum())
    coded = model.autoencoder.decode(model.statistics.denormalise(real.latents))
    shown = {
        "": model.sample(real.tokens, seed, frames=frames, batch=BATCH)[:, ~given],
        "_still": frames.clips[:, ~given],
        "_coded": coded[:, ~given],
    }
    if given.sum() > 1:  # one frame has no change to go on with
        shown["_linear"] = motion.linear(real.videos[:, given], ahead)
    found = []
    for name, measure in SIMILARITIES.items():
        values = {k: measure(v, real.videos[:, ~given]) for k, v in shown.items()}
        found += _records(f"extend_{name}", values)
    return [*found, Record("extend_ssim_real", 1.0, 0.0, len(real.videos), False)]


def _records(name: str, values: dict[str, np.ndarray]) -> list[Record]:
    """Means of (B, T) values over a clip's frames, and of the model's at each frame ahead."""
    bounds = [f"{name}{k}" for k in values if k]
    compared = (*bounds, *(["extend_ssim_real"] if name == "extend_ssim" else []))
    found = [_mean(name + k, v.mean(1), () if k else compared) for k, v in values.items()]
    return found + [_mean(f"{name}_{k:02d}", v) for k, v in enumerate(values[""].T, start=1)]


def _mean(name: str, values: np.ndarray, compared: tuple[str, ...] = ()) -> Record:
    """The mean over clips; infinite where a prediction is exact, and then without an error."""
    finite = len(values) > 1 and np.isfinite(values).all()
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if finite else None
    return Record(name, float(values.mean()), error, len(values), False, compared)
