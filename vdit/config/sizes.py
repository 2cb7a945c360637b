"""The ladder of model sizes, and the model that a run's config asks for. No JAX here."""

from typing import Any, NamedTuple

from vdit.config.model_config import CAPTIONER, ModelConfig, checked
from vdit.errors import InputError


class Size(NamedTuple):
    """Width D, layers, heads of a VideoDiT."""

    width: int
    depth: int
    heads: int


# DiT's S to XL (2212.09748, table 1); XL-h128, the same with heads of 128 numbers, for attention on
# GPUs works in tiles of 128 (heads of 72 take whole ones, too); 2B and up for planning, with heads
# for the 8 GPUs of a node; below S a ladder named by width and depth, each rung 1.4 to 1.8 times
# the `params` of the one before, 1.55 in the mean (with captions as text). Depths are even, as
# Latte's interleaved and late-fusion variants ask. w20d2 is finer: the demo's smallest budgets need
# a size below their minimum.
SIZES = {
    #               D    L   K
    "w20d2": Size(20, 2, 2),
    "w24d2": Size(24, 2, 2),
    "w32d2": Size(32, 2, 2),
    "w40d2": Size(40, 2, 2),
    "w48d2": Size(48, 2, 3),
    "w64d2": Size(64, 2, 4),
    "w80d2": Size(80, 2, 5),
    "w72d4": Size(72, 4, 4),
    "w96d4": Size(96, 4, 4),
    "w128d4": Size(128, 4, 4),
    "w128d6": Size(128, 6, 4),
    "w160d6": Size(160, 6, 4),
    "w192d6": Size(192, 6, 6),
    "w192d10": Size(192, 10, 6),
    "w256d8": Size(256, 8, 8),
    "w256d12": Size(256, 12, 8),
    "w320d12": Size(320, 12, 10),
    "S": Size(384, 12, 6),
    "B": Size(768, 12, 12),
    "L": Size(1024, 24, 16),
    "XL": Size(1152, 28, 16),
    "XL-h128": Size(1152, 28, 9),
    "2B": Size(1920, 36, 24),
    "7B": Size(3072, 52, 24),
    "20B": Size(4608, 68, 48),
}


def size_of(name: str) -> Size:
    """Width, depth and heads by name; `InputError` lists the names there are."""
    if name not in SIZES:
        raise InputError(f"unknown size {name!r}; expected one of {', '.join(SIZES)}")
    return SIZES[name]


def variant_of(model: Any) -> str:
    """The results table's name of a variant: its attention, and what else is not the default."""
    named = [model.attention]
    if model.condition == "text":
        named += [model.caption_by]
    named += [model.positions]
    named += ["shape"] * bool(model.get("shape_condition"))
    return "-".join(word for word in named if word not in ("cross", "rotary"))


# Published autoencoders: frames and pixels (along one side) of a latent, and channels, where the
# config does not say otherwise (as for a later kl of 16 channels). kl and taef2 code images.
PUBLISHED = {
    #        time, space, channels
    "kl": (1, 8, 4),
    "taef2": (1, 8, 32),
    "wan": (4, 8, 16),
}


def published_latents(autoencoder: Any) -> tuple[int, int, int]:
    """(time, space, channels) of a published autoencoder."""
    factors = zip(("time", "space", "channels"), PUBLISHED[autoencoder.name], strict=True)
    return tuple(autoencoder.get(name, known) for name, known in factors)


def latent_shape(
    autoencoder: Any, frames: int, height: int, width: int
) -> tuple[int, int, int, int]:
    """(t, h, w, C) of the latents of a clip: t = 1 + (T - 1) / time, h = H / space."""
    if autoencoder.name == "identity":
        return frames, height, width, 3
    if autoencoder.name in PUBLISHED:
        time, space, channels = published_latents(autoencoder)
    else:
        time, space, channels = autoencoder.time, autoencoder.space, autoencoder.channels
    if (frames - 1) % time:
        raise InputError(f"{frames} frames: expected 1 + a multiple of {time}, as time={time} asks")
    if height % space or width % space:
        raise InputError(f"frame {height}x{width}: expected multiples of space={space}")
    return 1 + (frames - 1) // time, height // space, width // space, channels


def model_config_of(config: Any, words: int = 0, text_features: int = 0) -> ModelConfig:
    """The `ModelConfig` that a run's config asks for; checked, each error one line.

    `words` and `text_features` come from the data, the latter by default from `data.embeddings`.
    Words change the FLOPs of captioners alone, whose output has a number for each; where they are
    not known yet, see `_words_at_most`.
    """
    model, data = config.model, config.data
    _check_captioner(config)
    width, depth, heads = (
        size_of(model.size) if model.size else (model.width, model.depth, model.heads)
    )
    latent = latent_shape(config.autoencoder, data.num_frames, data.height, data.width)
    model_config = ModelConfig(
        latent=latent,
        patch=tuple(model.patch),
        width=width,
        depth=depth,
        heads=heads,
        mlp_ratio=model.mlp_ratio,
        frequencies=model.frequencies,
        max_period=model.get("max_period", 10_000.0),  # older configs have no such key
        attention=model.attention,
        condition=model.condition,
        vocabulary=(words or _words_at_most(config)) + 2,
        text_features=text_features or _features(config),
        text_length=1 if model.condition in ("class", "label") else data.text_length,
        learn_sigma=config.objective == "ddpm" and config.ddpm.learned_variance,
        caption_by=model.caption_by,
        frame_timesteps=model.given > 0,
        shape_condition=model.get("shape_condition", False),  # nor this one
        positions=model.positions,
        qk_norm=model.qk_norm,
        unroll=model.unroll,
        remat="none" if model.remat == "auto" else model.remat,  # training decides
        dtype=config.get("compute_dtype") or model.dtype,
    )
    if checked(model_config).width <= model_config.patch_numbers and not _writes(config):
        raise InputError(
            f"width {model_config.width} is not above the {model_config.patch_numbers} numbers in "
            "one patch: the velocity would have a rank floor; expected a wider model or a smaller "
            "patch"
        )
    return model_config


def _writes(config: Any) -> bool:
    return config.objective == CAPTIONER


def _check_captioner(config: Any) -> None:
    attention, objective = config.model.attention, config.objective
    if _writes(config) != (attention == CAPTIONER):
        raise InputError(
            f"model.attention={attention!r} under objective={objective}: a captioner has both, as "
            "in experiments/captioner.py"
        )


def _features(config: Any) -> int:
    """Numbers of a token's embedding; 0 of words, and who plans those imports nothing for it."""
    if not config.data.get("embeddings"):
        return 0
    from vdit.config import embeddings

    return embeddings.summary(config).get("features", 0)


def _words_at_most(config: Any) -> int:
    """What a captioner is planned with: `data.words`, the limit of a vocabulary. 0 for the embedded
    world, whose few words are 1 % of a captioner's FLOPs, and where words cost nothing."""
    return config.data.words if _writes(config) and config.data.name != "worlds" else 0
