"""Images beside videos: which steps train on images, and what the steps of each kind see. No JAX.

An image is a clip of one latent frame (MAGVIT-v2, 2310.05737; trained beside videos by Latte,
2401.03048). A batch is of one kind and of as many latent patches as every other: B clips of T
latent frames, or B T images. `data.image_share` of the patches is thus of the steps, spread evenly;
the kind of a step follows from its number alone, so that runs of all lengths and seeds agree in it.
"""

import dataclasses
import math
from typing import Any, NamedTuple

from vdit.config import embeddings, sizes
from vdit.config.model_config import ModelConfig
from vdit.errors import InputError


def share_of(data: Any) -> float:
    """`data.image_share`; 0 where the config is of older code, which had no such key."""
    return data.get("image_share", 0.0)


def image_steps(steps: int, share: float) -> int:
    """How many of the first `steps` steps train on images; of one step none does."""
    return math.floor(round(steps * share, 6))  # 0.29 * 100 is a little less than 29


def is_image_step(step: int, share: float) -> bool:
    """Whether the step after `step` steps trains on images."""
    return image_steps(step + 1, share) > image_steps(step, share)


class Seen(NamedTuple):
    """The examples of so many steps, by kind."""

    clips: int
    images: int


def seen(config: Any, steps: int) -> Seen:
    """What a run of this config has trained on after `steps` steps."""
    of_images = image_steps(steps, share_of(config.data))
    images = of_images * config.batch * sizes.model_config_of(config).latent[0] if of_images else 0
    return Seen((steps - of_images) * config.batch, images)


def clips_per_step(config: Any) -> float:
    """Clips that a step trains on, in the mean over both kinds of steps."""
    return config.batch * (1 - share_of(config.data))


def variant_of(config: Any) -> str:
    """The results table's name of a run's variant: its model's, its share of images (of single
    frames, or of the pictures of that fingerprint), the share of the embedded world's clips that
    have captions, and whose captions a captioner wrote (six digits of
    the fingerprint of the data with them), and by which text encoder they are embedded."""
    share = share_of(config.data)
    pictures = config.data.get("images_fingerprint", "")[:6] if config.data.get("images") else ""
    kind = f"pictures-{pictures}-" if pictures else "images"
    world = (config.data.name == "worlds" and config.data.get("world")) or {}
    labelled = world.get("labelled", 1.0)
    named = [sizes.variant_of(config.model)] + [f"{kind}{share:g}"] * (share > 0)
    named += [f"labelled{labelled:g}"] * (labelled < 1)
    if config.data.get("captions"):
        named += ["written", config.data.fingerprint[:6]]
    if embedded := embeddings.summary(config):
        named += [embedded["encoder"], embedded["fingerprint"][:6]]
    return "-".join(named)


def image_model(model: ModelConfig) -> ModelConfig:
    """The same model as it sees an image: for counting, its weights are those of the model."""
    return dataclasses.replace(model, latent=(1, *model.latent[1:]))


def check(config: Any, model: ModelConfig) -> None:
    """Raises `InputError` where the model cannot take images, or where there are none."""
    share, folder = share_of(config.data), config.data.get("images")
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
