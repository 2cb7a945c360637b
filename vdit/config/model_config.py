"""What a model is: all options of a VideoDiT, and which of them go together. No JAX here."""

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

from vdit.config.devices import MESH_AXES
from vdit.errors import InputError

# A variant is a list of stages, run one after the other; a stage repeats a layer of one block or
# two; a block lists the axis of each of its attentions: "full" attends to the clip, "space" to the
# token's frame, "time" to its position in all frames, "split" with half of the heads to space and
# half to time. The four that take space and time apart are Latte's (2401.03048, figure 2).
LAYOUTS = {
    "full": ((("full",),),),
    "interleaved": ((("space",), ("time",)),),
    "late_fusion": ((("space",),), (("time",),)),
    "factorised": ((("space", "time"),),),
    "split_heads": ((("split",),),),
}


class Family(NamedTuple):
    """A kind of network. `parts` is a module of `vdit.config` whose network(c) lists the parts of a
    `ModelConfig` c (`vdit.config.network`); `network` a module of `vdit.models`, `model` its class,
    called as `vdit.models.dit.VideoDiT` is. `splits` are the axes of the meshes that
    `vdit.plan` knows it on, where it has `remat`: batch and weights alone, or tokens and heads too.
    """

    parts: str
    network: str
    model: str
    splits: tuple[str, ...] = ()

    def is_planned_on(self, mesh: Mapping[str, int]) -> bool:
        """Whether the formulas of `vdit.planning` hold for it on a mesh, the sizes of its axes."""
        return bool(self.splits) and all(n == 1 or a in self.splits for a, n in mesh.items())


FAMILIES = dict.fromkeys(LAYOUTS, Family("transformer", "dit", "VideoDiT", MESH_AXES)) | {
    "latte": Family("latte_parts", "latte_text", "LatteText", ("data", "fsdp")),
    "unet": Family("unet_parts", "unet3d", "VideoUNet", ("data", "fsdp")),
}
VARIANTS = tuple(FAMILIES)
# From clips to words (objective=captioner); it is called with the length asked for, not a timestep.
CAPTIONER = "captioner"
FAMILIES[CAPTIONER] = Family("captioner", "captioner", "Captioner")

# A class is a caption of one token, pooled like one; a label is DiT's table of vectors, row 0 the
# null label, added to that of the timestep (2212.09748).
CONDITIONS = ("text", "class", "label", "none")
# How a model sees a text, beside its pooled vector in adaLN: by cross-attention (PixArt,
# 2310.00426), as tokens behind those of the clip (DiT's "in-context", 2212.09748), or no further.
CAPTION_BY = ("cross", "context", "adaln")
# Rotary turns queries and keys; the tables of DiT and Latte are added to the tokens.
POSITIONS = ("rotary", "sincos", "learned")
CHOICES = {
    "attention": tuple(FAMILIES),
    "condition": CONDITIONS,
    "caption_by": CAPTION_BY,
    "positions": POSITIONS,
    "remat": ("none", "dots", "full"),
    "dtype": ("auto", "float32", "bfloat16", "float16"),
}


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """All that fixes a VideoDiT's weights and its program. Latents are (T, H, W, C)."""

    latent: tuple[int, int, int, int]
    patch: tuple[int, int, int]
    width: int
    depth: int
    heads: int
    mlp_ratio: float = 4.0
    frequencies: int = 256
    max_period: float = 10_000.0  # of the timestep's sinusoids
    attention: str = "full"
    condition: str = "text"  # see CONDITIONS
    caption_by: str = "cross"  # see CAPTION_BY
    frame_timesteps: bool = False  # a timestep for every frame: 0 for conditioning frames
    shape_condition: bool = False  # frames, height and width of the latents modulate all blocks
    vocabulary: int = 2
    text_features: int = 0  # > 0: captions come as embeddings of this size
    text_length: int = 1
    positions: str = "rotary"  # see POSITIONS
    qk_norm: bool = True
    learn_sigma: bool = False  # twice the channels come out: a prediction, then its variance
    unroll: bool = False  # a shallow model on a CPU is faster unrolled; the weights are the same
    remat: str = "none"
    dtype: str = "float32"  # of the computation; auto until a process has decided

    @property
    def grid(self) -> tuple[int, int, int]:
        """Patches along time, height and width."""
        return tuple(n // p for n, p in zip(self.latent[:3], self.patch, strict=True))

    @property
    def tokens(self) -> int:
        """N, the patches of a clip."""
        return self.grid[0] * self.grid[1] * self.grid[2]

    @property
    def timesteps(self) -> int:
        """Timesteps of a clip, each with its modulation: one, or one for each frame."""
        return self.grid[0] if self.frame_timesteps else 1

    @property
    def context(self) -> int:
        """Caption tokens behind the clip's own."""
        return self.text_length * (self.condition == "text" and self.caption_by == "context")

    @property
    def crosses(self) -> bool:
        """Whether blocks have cross-attention to the caption."""
        return self.condition == "text" and self.caption_by == "cross"

    @property
    def patch_numbers(self) -> int:
        """P, the numbers in a patch."""
        return self.patch[0] * self.patch[1] * self.patch[2] * self.latent[3]

    @property
    def output_numbers(self) -> int:
        """The numbers that come out for a patch: P, or 2 P with a learned variance."""
        return self.patch_numbers * (1 + self.learn_sigma)


def family_of(config: ModelConfig) -> Family:
    """Where its parts and its network are."""
    return FAMILIES[config.attention]


def stages(config: ModelConfig) -> list[tuple[tuple[tuple[str, ...], ...], int]]:
    """The stages of a model: for each (blocks of its layer, how often the layer is repeated)."""
    layout = LAYOUTS[config.attention]
    return [(blocks, config.depth // sum(map(len, layout))) for blocks in layout]


def attended_tokens(config: ModelConfig, attention_axis: str) -> float:
    """Tokens that one token attends to; "split" is the mean over its heads."""
    frames, positions = config.grid[0], config.grid[1] * config.grid[2]
    means = {
        "full": config.tokens + config.context,
        "space": positions,
        "time": frames,
        "split": (frames + positions) / 2,
    }
    return means[attention_axis]


def checked(config: ModelConfig) -> ModelConfig:
    """The config itself, or an `InputError` that names what cannot be."""
    for key, known in CHOICES.items():
        if getattr(config, key) not in known:
            raise InputError(f"model.{key}={getattr(config, key)!r}: expected one of {known}")
    for axis, n, p in zip("THW", config.latent[:3], config.patch, strict=True):
        if n % p:
            raise InputError(f"patch {config.patch}: {p} does not divide the latents' {axis} = {n}")
    if config.depth < 1:
        raise InputError(f"depth {config.depth}: expected 1 or more")
    if config.frequencies % 2:
        raise InputError(f"model.frequencies={config.frequencies}: expected an even number")
    if config.attention == "unet" and config.positions != "rotary":
        raise InputError(f"model.positions={config.positions!r}: the U-Net's are rotary")
    if config.depth % (blocks := sum(map(len, LAYOUTS.get(config.attention, ()))) or 1):
        raise InputError(
            f"depth {config.depth}: {config.attention} attention takes a multiple of {blocks}"
        )
    if config.attention == "split_heads" and config.heads % 2:
        raise InputError(f"{config.heads} heads: split_heads gives half to time, expected even")
    if config.attention == CAPTIONER and config.condition != "text":
        raise InputError(f"model.condition={config.condition!r}: a captioner's is 'text'")
    if config.shape_condition and config.attention in ("latte", CAPTIONER):
        raise InputError(
            f"model.shape_condition with {config.attention} attention: expected False, it has no "
            "place for it"
        )
    if config.context:
        _check_context(config)
    if config.attention == "latte":
        _check_latte(config)
    _check_width(config)
    return config


def _check_context(config: ModelConfig) -> None:
    if config.attention != "full":
        raise InputError(
            f"caption_by='context' with {config.attention} attention: a caption has no frame and "
            "no position; expected attention='full'"
        )
    if config.frame_timesteps:
        raise InputError(
            "caption_by='context' with conditioning frames: expected 'cross' or 'adaln'"
        )


def _check_latte(config: ModelConfig) -> None:
    """Latte for text is one network, as it was published."""
    expected = {"condition": "text", "caption_by": "cross", "positions": "sincos"}
    for key, value in expected.items():
        if getattr(config, key) != value:
            raise InputError(f"model.{key}={getattr(config, key)!r} with latte: expected {value!r}")
    if config.frame_timesteps:
        raise InputError("model.given above 0 with latte: expected 0, it has one timestep a clip")
    if config.depth % 2:
        raise InputError(f"depth {config.depth}: latte takes a multiple of 2")


def _check_width(config: ModelConfig) -> None:
    pair = 2 if config.positions == "rotary" else 1  # rotary positions turn pairs of numbers
    if config.heads < 1 or config.width % (pair * config.heads):
        asked = f"{pair} x {config.heads} heads" if pair > 1 else f"{config.heads} heads"
        raise InputError(f"width {config.width}: expected a multiple of {asked}")
    if config.positions == "sincos" and config.width % 4:
        raise InputError(f"width {config.width}: sincos positions take a multiple of 4")
