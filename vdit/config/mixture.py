"""Shapes beside one another: which steps train on which, and what a step of each sees. No JAX.

A batch is of one shape, and of about as many latent patches as every other. Images beside videos
are clips of one latent frame (MAGVIT-v2, 2310.05737; trained beside videos by Latte, 2401.03048):
B clips of T latent frames, or B T images; `data.image_share` of the patches is thus of the steps.
The buckets of a set (`vdit.config.buckets`) have steps in proportion to their patches, so that each
clip is seen about as often: batches are rounded. A step's shape follows from its number alone,
evenly spread, so that runs of all lengths and seeds agree in it.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from vdit.config import buckets, embeddings, sizes
from vdit.config.model_config import ModelConfig, checked
from vdit.errors import InputError

IMAGES = "images"
PARTS = 4  # of a batch, if it is a multiple: a bucket's is of whole parts


class Part(NamedTuple):
    """The batches of one shape: a model as it sees that, `batch` clips in `share` of the steps."""

    name: str
    model: ModelConfig
    batch: int
    share: float


class Seen(NamedTuple):
    """The examples of so many steps, by kind."""

    clips: int
    images: int


def share_of(data: Any) -> float:
    """`data.image_share`; 0 where the config is of older code, which had no such key."""
    return data.get("image_share", 0.0)


def is_mixed(config: Any) -> bool:
    """Whether a run's batches are of more than one shape; an autoencoder's, which has no model,
    are of its config's."""
    many = bool(share_of(config.data)) or len(buckets.clips_of(config.data)) > 1
    return many and "model" in config


def parts(config: Any, model: ModelConfig) -> tuple[Part, ...]:
    """What a run trains on, that of the config's own shape first; `model` is the config's.

    Raises `InputError` for a bucket that the autoencoder or the patches do not divide.
    """
    clips, share = buckets.clips_of(config.data), share_of(config.data)
    if clips:
        return _of_buckets(config, model, clips)
    own = Part("clips", model, config.batch, 1 - share)
    images = Part(IMAGES, image_model(model), config.batch * model.latent[0], share)
    return (own, images) if share else (own,)


def _of_buckets(config: Any, model: ModelConfig, clips: dict[str, int]) -> tuple[Part, ...]:
    models = {name: bucket_model(config, model, buckets.parse(name)) for name in clips}
    patches = {name: count * models[name].tokens for name, count in clips.items()}
    total = sum(patches.values())
    batches = {name: _batch(config.batch, model.tokens / models[name].tokens) for name in clips}
    return tuple(Part(name, models[name], batches[name], patches[name] / total) for name in clips)


def _batch(batch: int, times: float) -> int:
    """About `times` the batch in whole parts of it, at least one, so that it divides over about as
    many devices."""
    unit = batch // math.gcd(batch, PARTS)
    return max(1, round(batch * times / unit)) * unit


def divisor(config: Any) -> int:
    """What divides the batches of all shapes: so many devices can share each."""
    return math.gcd(*(part.batch for part in _parts(config))) if is_mixed(config) else config.batch


def shares(config: Any) -> dict[str, float]:
    """The shares of the steps by the shapes' names; {} of a run whose batches are of one."""
    return {part.name: part.share for part in _parts(config)} if is_mixed(config) else {}


def _parts(config: Any) -> tuple[Part, ...]:
    return parts(config, sizes.model_config_of(config))


def described(config: Any, model: ModelConfig) -> str:
    """A line: the shapes, and that each has a compiled program of its own."""
    found = parts(config, model)
    each = (f"{p.name} {p.share:.0%} in batches of {p.batch} x {p.model.tokens}" for p in found)
    return f"{len(found)} shapes, as many programs of a step (share, patches): {', '.join(each)}"


def turns(steps: int, shares: Sequence[float]) -> list[int]:
    """How many of the first `steps` steps each part has; of one step the first part has it.

    Each part after the first takes its share, evenly, of the steps that those before it left.
    """
    found, left, rest = [], steps, 1.0
    for share in shares[1:]:
        found.append(math.floor(round(left * share / rest, 6)))  # 0.29 * 100 is less than 29
        left, rest = left - found[-1], rest - share
    return [left, *found]


def turn(step: int, shares: Sequence[float]) -> tuple[int, int]:
    """Which part the step after `step` steps is of, and how many steps that has had before."""
    before, after = turns(step, shares), turns(step + 1, shares)
    part = next(i for i, (old, new) in enumerate(zip(before, after, strict=True)) if new > old)
    return part, before[part]


def batches_of(config: Any, model: ModelConfig, steps: int) -> list[tuple[Part, int]]:
    """The parts of a config, and the batches that each has in the first `steps` steps."""
    found = parts(config, model)
    return list(zip(found, turns(steps, [part.share for part in found]), strict=True))


def seen(config: Any, steps: int) -> Seen:
    """What a run of this config has trained on after `steps` steps."""
    if not is_mixed(config):
        return Seen(steps * config.batch, 0)
    had = batches_of(config, sizes.model_config_of(config), steps)
    images = sum(part.batch * n for part, n in had if part.name == IMAGES)
    return Seen(sum(part.batch * n for part, n in had) - images, images)


def clips_read(config: Any) -> int:
    """Clips of its own stream that a run of this config takes: those it trains on, or those whose
    first frames it does, where these are more."""
    found = seen(config, config.steps)
    return found.clips if config.data.get("images") else max(found)


def clips_per_step(config: Any) -> float:
    """Clips that a step trains on, in the mean over steps of all shapes; images are none."""
    if not is_mixed(config):
        return config.batch
    return sum(part.batch * part.share for part in _parts(config) if part.name != IMAGES)


def variant_of(config: Any) -> str:
    """The results table's name of a run's variant: its model's, its share of images (of single
    frames, or of the pictures of that fingerprint), the share of the embedded world's clips that
    have captions, how many buckets there are, whose captions a captioner wrote (six digits of the
    fingerprint of the data with them), and by which text encoder they are embedded."""
    share, shapes = share_of(config.data), len(buckets.clips_of(config.data))
    pictures = config.data.get("images_fingerprint", "")[:6] if config.data.get("images") else ""
    kind = f"pictures-{pictures}-" if pictures else "images"
    world = (config.data.name == "worlds" and config.data.get("world")) or {}
    labelled = world.get("labelled", 1.0)
    named = [sizes.variant_of(config.model)] + [f"{kind}{share:g}"] * (share > 0)
    named += [f"labelled{labelled:g}"] * (labelled < 1) + [f"buckets{shapes}"] * (shapes > 1)
    if config.data.get("captions"):
        named += ["written", config.data.fingerprint[:6]]
    if embedded := embeddings.summary(config):
        named += [embedded["encoder"], embedded["fingerprint"][:6]]
    return "-".join(named)


def bucket_model(config: Any, model: ModelConfig, bucket: buckets.Bucket) -> ModelConfig:
    """The same model as it sees clips of a bucket."""
    try:
        latent = sizes.latent_shape(config.autoencoder, *bucket.clip)
        return checked(dataclasses.replace(model, latent=latent))
    except InputError as error:
        raise InputError(f"data.dir {config.data.dir}: bucket {bucket}: {error}") from error


def image_model(model: ModelConfig) -> ModelConfig:
    """The same model as it sees an image: for counting, its weights are those of the model."""
    return dataclasses.replace(model, latent=(1, *model.latent[1:]))
