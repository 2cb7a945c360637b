"""The ladder of model sizes, and the shape of latents. No JAX here: planning is instant."""

import dataclasses
from typing import NamedTuple

from vdit.errors import InputError


class Size(NamedTuple):
    """Width D, layers, heads of a VideoDiT."""

    width: int
    depth: int
    heads: int


# DiT's S to XL (2212.09748, table 1); 2B and up for planning; below S a ladder for small budgets,
# named by width and depth, each about 1.3 to 1.6 times the parameters of the one before.
SIZES = {
    #               D    L   K
    "w20d2": Size(20, 2, 2),
    "w24d2": Size(24, 2, 2),
    "w32d2": Size(32, 2, 2),
    "w48d2": Size(48, 2, 3),
    "w64d2": Size(64, 2, 4),
    "w80d2": Size(80, 2, 5),
    "w80d3": Size(80, 3, 5),
    "w96d4": Size(96, 4, 4),
    "w128d4": Size(128, 4, 4),
    "w160d5": Size(160, 5, 5),
    "w192d6": Size(192, 6, 6),
    "w256d8": Size(256, 8, 8),
    "S": Size(384, 12, 6),
    "B": Size(768, 12, 12),
    "L": Size(1024, 24, 16),
    "XL": Size(1152, 28, 16),
    "2B": Size(1920, 36, 24),
    "7B": Size(3072, 52, 24),
    "20B": Size(4608, 68, 36),
}


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


def size_of(name: str) -> Size:
    """Width, depth and heads by name; `InputError` lists the names there are."""
    if name not in SIZES:
        raise InputError(f"unknown size {name!r}; expected one of {', '.join(SIZES)}")
    return SIZES[name]


def latent_shape(autoencoder, frames: int, height: int, width: int) -> tuple[int, int, int, int]:
    """(t, h, w, C) of the latents of a clip: t = 1 + (T - 1) / time, h = H / space."""
    if autoencoder.name == "identity":
        return frames, height, width, 3
    time, space = autoencoder.time, autoencoder.space
    if (frames - 1) % time:
        raise InputError(f"{frames} frames: expected 1 + a multiple of {time}, as time={time} asks")
    if height % space or width % space:
        raise InputError(f"frame {height}x{width}: expected multiples of space={space}")
    return 1 + (frames - 1) // time, height // space, width // space, autoencoder.channels


@dataclasses.dataclass(frozen=True)
class Shape:
    """All that fixes a VideoDiT's weights and its program. Latents are (T, H, W, C)."""

    latent: tuple[int, int, int, int]
    patch: tuple[int, int, int]
    width: int
    depth: int
    heads: int
    mlp_ratio: float = 4.0
    frequencies: int = 256
    attention: str = "full"
    condition: str = "text"  # text | class | none
    vocabulary: int = 2
    text_features: int = 0  # > 0: captions come as embeddings of this size
    text_length: int = 1
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
    def patch_numbers(self) -> int:
        """P, the numbers in a patch."""
        return self.patch[0] * self.patch[1] * self.patch[2] * self.latent[3]


CONDITIONS = ("text", "class", "none")


def stages(shape: Shape):
    """The stages of a model: for each (blocks of its layer, how often the layer is repeated)."""
    layout = LAYOUTS[shape.attention]
    return [(blocks, shape.depth // sum(map(len, layout))) for blocks in layout]


def shape_of(config, words: int = 0, text_features: int = 0) -> Shape:
    """The `Shape` that a config asks for; checked, each error one line.

    `words` and `text_features` come from the data; neither changes FLOPs for word tokens.
    """
    model, data = config.model, config.data
    width, depth, heads = (
        size_of(model.size) if model.size else (model.width, model.depth, model.heads)
    )
    latent = latent_shape(config.autoencoder, data.num_frames, data.height, data.width)
    if model.condition not in CONDITIONS:
        raise InputError(f"model.condition={model.condition!r}: expected one of {CONDITIONS}")
    shape = Shape(
        latent=latent,
        patch=tuple(model.patch),
        width=width,
        depth=depth,
        heads=heads,
        mlp_ratio=model.mlp_ratio,
        frequencies=model.frequencies,
        attention=model.attention,
        condition=model.condition,
        vocabulary=words + 2,
        text_features=text_features,
        text_length=1 if model.condition == "class" else data.text_length,
        unroll=model.unroll,
        remat=model.remat,
        dtype=model.dtype,
    )
    return _checked(shape)


def _checked(shape: Shape) -> Shape:
    for axis, n, p in zip("THW", shape.latent[:3], shape.patch, strict=True):
        if n % p:
            raise InputError(f"patch {shape.patch}: {p} does not divide the latents' {axis} = {n}")
    if shape.attention not in LAYOUTS:
        raise InputError(f"model.attention={shape.attention!r}: expected one of {tuple(LAYOUTS)}")
    if shape.depth % (blocks := sum(map(len, LAYOUTS[shape.attention]))):
        raise InputError(
            f"depth {shape.depth}: {shape.attention} attention takes a multiple of {blocks}"
        )
    if shape.attention == "split_heads" and shape.heads % 2:
        raise InputError(f"{shape.heads} heads: split_heads gives half to time, expected even")
    if shape.width % (2 * shape.heads):
        raise InputError(f"width {shape.width}: expected a multiple of 2 x {shape.heads} heads")
    if shape.width <= shape.patch_numbers:
        raise InputError(
            f"width {shape.width} is not above the {shape.patch_numbers} numbers in one patch: "
            "the velocity would have a rank floor; expected a wider model or a smaller patch"
        )
    return shape
