"""The shape of a VideoDiT: all its options, and which of them go together. No JAX here."""

import dataclasses

from vdit.errors import InputError

# A variant is a list of stages, run one after the other; a stage repeats a layer of one block or
# two; a block lists what the tokens of each of its attentions see: "full" the clip, "space" their
# frame, "time" their place in all frames, "split" half of the heads space and half time. The four
# that take space and time apart are Latte's (2401.03048, figure 2).
LAYOUTS = {
    "full": ((("full",),),),
    "interleaved": ((("space",), ("time",)),),
    "late_fusion": ((("space",),), (("time",),)),
    "factorised": ((("space", "time"),),),
    "split_heads": ((("split",),),),
}
VARIANTS = (*LAYOUTS, "unet")  # and no transformer: see `unet_shape`

# A class is a caption of one token, pooled like one; a label is DiT's table of vectors, row 0 the
# null label, added to that of the noise level (2212.09748).
CONDITIONS = ("text", "class", "label", "none")
# How a text is seen, beside its pooled vector in adaLN: by cross-attention (PixArt, 2310.00426), as
# tokens in context behind those of the clip (DiT's "in-context", 2212.09748), or no further.
CAPTION_BY = ("cross", "context", "adaln")
# Rotary turns queries and keys; the tables of DiT and Latte are added to the tokens.
POSITIONS = ("rotary", "sincos", "learned")
CHOICES = {
    "attention": VARIANTS,
    "condition": CONDITIONS,
    "caption_by": CAPTION_BY,
    "positions": POSITIONS,
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
    max_period: float = 10_000.0  # of the noise level's waves
    attention: str = "full"
    condition: str = "text"  # see CONDITIONS
    caption_by: str = "cross"  # see CAPTION_BY
    frame_levels: bool = False  # every frame has a noise level: some are given, clean
    vocabulary: int = 2
    text_features: int = 0  # > 0: captions come as embeddings of this size
    text_length: int = 1
    positions: str = "rotary"  # see POSITIONS
    qk_norm: bool = True
    learn_sigma: bool = False  # twice the channels come out: a prediction, then its variance
    unroll: bool = False  # a shallow model on a CPU is faster unrolled; the weights are the same
    remat: str = "none"
    dtype: str = "float32"

    @property
    def grid(self) -> tuple[int, int, int]:
        """Patches along time, height and width."""
        return tuple(n // p for n, p in zip(self.latent[:3], self.patch, strict=True))

    @property
    def tokens(self) -> int:
        """N, the patches of a clip."""
        return self.grid[0] * self.grid[1] * self.grid[2]

    @property
    def levels(self) -> int:
        """Noise levels of a clip, each with its modulation: one, or one for each frame."""
        return self.grid[0] if self.frame_levels else 1

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


def stages(shape: ModelConfig):
    """The stages of a model: for each (blocks of its layer, how often the layer is repeated)."""
    layout = LAYOUTS[shape.attention]
    return [(blocks, shape.depth // sum(map(len, layout))) for blocks in layout]


def attended_tokens(shape: ModelConfig, attention_axis: str) -> float:
    """Tokens that one token sees; "split" is the mean over its heads."""
    frames, places = shape.grid[0], shape.grid[1] * shape.grid[2]
    means = {
        "full": shape.tokens + shape.context,
        "space": places,
        "time": frames,
        "split": (frames + places) / 2,
    }
    return means[attention_axis]


def checked(shape: ModelConfig) -> ModelConfig:
    """The shape itself, or an `InputError` that names what cannot be."""
    for key, known in CHOICES.items():
        if getattr(shape, key) not in known:
            raise InputError(f"model.{key}={getattr(shape, key)!r}: expected one of {known}")
    for axis, n, p in zip("THW", shape.latent[:3], shape.patch, strict=True):
        if n % p:
            raise InputError(f"patch {shape.patch}: {p} does not divide the latents' {axis} = {n}")
    if shape.attention == "unet" and shape.positions != "rotary":
        raise InputError(f"model.positions={shape.positions!r}: the U-Net's are rotary")
    if shape.depth % (blocks := sum(map(len, LAYOUTS.get(shape.attention, ()))) or 1):
        raise InputError(
            f"depth {shape.depth}: {shape.attention} attention takes a multiple of {blocks}"
        )
    if shape.attention == "split_heads" and shape.heads % 2:
        raise InputError(f"{shape.heads} heads: split_heads gives half to time, expected even")
    if shape.context:
        _check_context(shape)
    _check_width(shape)
    return shape


def _check_context(shape: ModelConfig) -> None:
    if shape.attention != "full":
        raise InputError(
            f"caption_by='context' with {shape.attention} attention: a caption has no frame and no "
            "place; expected attention='full'"
        )
    if shape.frame_levels:
        raise InputError("caption_by='context' with given frames: expected 'cross' or 'adaln'")


def _check_width(shape: ModelConfig) -> None:
    pair = 2 if shape.positions == "rotary" else 1  # rotary positions turn pairs of numbers
    if shape.heads < 1 or shape.width % (pair * shape.heads):
        asked = f"{pair} x {shape.heads} heads" if pair > 1 else f"{shape.heads} heads"
        raise InputError(f"width {shape.width}: expected a multiple of {asked}")
    if shape.positions == "sincos" and shape.width % 4:
        raise InputError(f"width {shape.width}: sincos positions take a multiple of 4")
