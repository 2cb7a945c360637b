"""A trained model for clips of another shape: its weights know patches, not how many there are."""

import dataclasses

from vdit.config.buckets import Bucket
from vdit.config.model_config import checked
from vdit.errors import InputError
from vdit.generator.generator import Generator


def at_shape(model: Generator, bucket: Bucket) -> Generator:
    """See `Generator.at`."""
    if bucket.clip == tuple(model.video):
        return model
    try:
        latent = *_latent_of(model, bucket), model.config.latent[3]
        config = checked(dataclasses.replace(model.config, latent=latent))
    except InputError as error:
        raise InputError(f"{bucket}: {error}") from error
    _check_positions(model, bucket, latent[0])
    return dataclasses.replace(model, config=config, video=bucket.clip)


def _latent_of(model: Generator, bucket: Bucket) -> tuple[int, int, int]:
    """Its latent frames, height and width, by what the autoencoder made of the model's own clips:
    the first frame is coded alone, the others so many in one."""
    latent, (frames, height, width) = model.config.latent, model.video
    space = height // latent[1], width // latent[2]
    time = (frames - 1) // (latent[0] - 1) if latent[0] > 1 else 0
    if bucket.frames > 1 and not time:
        raise InputError("the model is of pictures; expected 1 frame")
    if time and (bucket.frames - 1) % time:
        raise InputError(f"expected 1 + a multiple of {time} frames")
    for side, factor in zip((bucket.height, bucket.width), space, strict=True):
        if side % factor:
            raise InputError(f"{side} pixels: expected a multiple of {factor}")
    tall, wide = bucket.height // space[0], bucket.width // space[1]
    return 1 + (bucket.frames - 1) // max(1, time), tall, wide


def _check_positions(model: Generator, bucket: Bucket, frames: int) -> None:
    """Raises `InputError` where the positions would be others than in training."""
    kind = model.config.positions
    if kind == "learned":
        raise InputError(f"{bucket}: learned positions know {Bucket.of(model.video)} alone")
    if kind == "sincos" and (frames > 1) != (model.config.latent[0] > 1):
        raise InputError(f"{bucket}: tables of positions are for clips or for pictures, not both")
