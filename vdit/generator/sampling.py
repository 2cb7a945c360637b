"""Batches of videos from noise: what `Generator.sample` does, once it knows how."""

from typing import TYPE_CHECKING

import numpy as np

from vdit.diffusion.objectives import Sampling
from vdit.diffusion.programs import Conditioning, generate
from vdit.errors import InputError

if TYPE_CHECKING:
    from vdit.data.continuation import ConditioningFrames
    from vdit.generator.generator import Generator


def check_frames(
    model: "Generator", count: int, frames: "ConditioningFrames | None", strength: float | None
) -> None:
    """Raises `InputError` for conditioning frames that do not go with `count` captions, with the
    strength of an edit, or with what the model was trained for."""
    edits = frames is not None and frames.latent_mask is None
    if edits != (strength is not None):
        raise InputError("strength: expected with the frames of an edit, and with no others")
    if strength is not None and not 0 < strength <= 1:
        raise InputError(f"strength={strength}: expected above 0, up to 1")
    if frames is not None and len(frames.clips) != count:
        raise InputError(f"frames of {len(frames.clips)} clips: expected {count}, one a caption")
    if frames is not None and not edits and not model.config.frame_timesteps:
        raise InputError("this run was trained without conditioning frames (model.given=0)")


def sample_in_batches(
    model: "Generator",
    captions: np.ndarray,
    seed: int,
    sampling: Sampling,
    frames: "ConditioningFrames | None",
    batch: int,
) -> np.ndarray:
    """Videos uint8 (B, T, H, W, 3) for captions (B, S) or (B, S, F), `batch` at a time.

    Each batch has a key of its own, so that its videos do not depend on how many follow.
    """
    parts = []
    for i in range(0, len(captions), batch):
        part = slice(i, i + batch)
        conditioning = None if frames is None else _conditioning(model, frames, part, batch)
        full = _filled(captions[part], batch)
        fixed = {"config": model.config, "objective": model.objective, "sampling": sampling}
        drawn = low_bits(seed), np.uint32(i)
        x = generate(model.chosen_weights(), *drawn, full, conditioning, **fixed)
        latents = np.asarray(x)  # NumPy scales them: of JAX's arrays XLA would compile each product
        parts.append(model.autoencoder.decode(model.statistics.denormalise(latents)))
    made = np.concatenate(parts)[: len(captions)]
    if frames is None:
        return made
    from vdit.data.continuation import with_conditioning

    return with_conditioning(made, frames)


def low_bits(seed: int) -> np.uint32:
    """What `jax.random.key` takes of a seed: its last 32 bits (two's complement).

    The seed may be NumPy's, of fewer bits than the mask.
    """
    return np.uint32(int(seed) & 0xFFFFFFFF)


def _conditioning(
    model: "Generator", frames: "ConditioningFrames", part: slice, batch: int
) -> Conditioning:
    clips = _filled(frames.clips[part], batch)
    clean = model.statistics.normalise(model.autoencoder.encode(clips))
    if frames.latent_mask is None:
        return Conditioning(clean, None)
    return Conditioning(clean, np.tile(frames.latent_mask, (batch, 1)))


def _filled(rows: np.ndarray, count: int) -> np.ndarray:
    """`count` rows, zeros behind those there are: one compiled program for every batch."""
    return np.concatenate([rows, np.zeros((count - len(rows), *rows.shape[1:]), rows.dtype)])
