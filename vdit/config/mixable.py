"""What does not go with shapes beside one another (`vdit.config.mixture`). No JAX."""

from typing import Any

from vdit.config import buckets, mixture
from vdit.config.model_config import ModelConfig
from vdit.errors import InputError


def check(config: Any, model: ModelConfig) -> None:
    """Raises `InputError` where the model cannot take the buckets or images of its data, or where
    there are no images."""
    share, folder = mixture.share_of(config.data), config.data.get("images")
    if buckets.clips_of(config.data):
        _check_buckets(config, model, share)
    if folder and not share:
        raise InputError(f"data.images={folder} with data.image_share=0: expected a share above 0")
    if not share:
        return
    asked = f"data.image_share={share:g}"
    if model.latent[0] < 2:
        raise InputError(f"{asked}: clips of one latent frame are images already; expected 0")
    if model.patch[0] > 1:
        raise InputError(
            f"{asked}: an image is one latent frame, model.patch={model.patch} takes "
            f"{model.patch[0]}; expected a patch of 1 along time"
        )
    if config.mesh.context not in (0, 1):
        raise InputError(
            f"{asked} with mesh.context={config.mesh.context}: an image is too short to be split "
            "between devices; expected mesh.context=1"
        )


def _check_buckets(config: Any, model: ModelConfig, share: float) -> None:
    wrong = (
        ("data.image_share", share, 0, "a bucket WxH@1 has pictures"),
        ("mesh.context", config.mesh.context, 1, "buckets are not split between devices"),
    )
    for key, found, expected, why in wrong:
        if found != expected:
            raise InputError(f"{key}={found!r} with buckets: expected {expected!r}, {why}")
    if model.positions == "learned":
        raise InputError(
            "model.positions='learned' with buckets: they know one shape; expected 'rotary' or "
            "'sincos'"
        )
    parts = mixture.parts(config, model)
    if model.positions == "sincos" and model.grid[0] == 1 < max(p.model.grid[0] for p in parts):
        raise InputError(
            f"data.num_frames={config.data.num_frames} with buckets of clips: a model of pictures "
            "has no 'sincos' positions in time; expected a bucket of clips, or 'rotary'"
        )
