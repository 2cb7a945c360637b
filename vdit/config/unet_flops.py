"""FLOPs and weights of the space-time U-Net in closed form. No JAX here.

All follow from one list of its products: dense layers, 3 x 3 convolutions, attention's two. A
product with the zeros beyond a frame's edge is no operation, and is not counted (neither by XLA):
an axis of n positions has 3 n - 2 pairs of a position and a neighbour.
"""

from typing import NamedTuple

from vdit.config import activations
from vdit.config.model_config import ModelConfig
from vdit.config.unet import at_level, blocks


class Product(NamedTuple):
    """`pairs` of vectors go through `taps` matrices, d_in x d_out; weights of norms beside them."""

    part: str  # plain | modulation | end
    pairs: int
    d_in: int
    d_out: int
    taps: int = 1

    @property
    def flops(self) -> int:
        return 2 * self.pairs * self.d_in * self.d_out

    @property
    def weights(self) -> int:
        return (self.taps * self.d_in + 1) * self.d_out


def convolution(c: ModelConfig, part: str, d_in: int, d_out: int) -> Product:
    """3 x 3 within each frame of a level."""
    t, h, w = c.grid
    return Product(part, t * (3 * h - 2) * (3 * w - 2), d_in, d_out, 9)


def _block(level: ModelConfig, d_in: int, base: int) -> list[Product]:
    n, d, m = level.tokens, level.width, level.text_length
    made = [convolution(level, "plain", d_in, d), convolution(level, "plain", d, d)]
    made += [Product("modulation", level.timesteps, base, 2 * d)]
    made += [Product("plain", n, d_in, d)] * (d_in != d)
    made += 2 * [Product("plain", n, d, 3 * d), Product("plain", n, d, d)]
    if level.crosses:
        made += [Product("plain", n, d, d)] * 2 + [Product("plain", m, base, 2 * d)]
    return made


def products(c: ModelConfig) -> list[Product]:
    """Every product with a weight but those of patches, timestep and caption (see `flops`)."""
    last = convolution(at_level(c, 0, c.width), "end", c.width, c.output_numbers)
    return [p for d_in, level in blocks(c) for p in _block(level, d_in, c.width)] + [last]


def _scores(level: ModelConfig) -> int:
    """FLOPs of attention's products without weights: over space, over time, to the caption."""
    frames, positions = level.grid[0], level.grid[1] * level.grid[2]
    attended = frames + positions + level.text_length * level.crosses
    return 2 * level.tokens * attended * level.width * 2


def body_flops(c: ModelConfig) -> int:
    """FLOPs of a forward pass for one clip, between patches in and patches out."""
    return sum(p.flops for p in products(c)) + sum(_scores(level) for _, level in blocks(c))


def activation_bytes(c: ModelConfig) -> int:
    """What a training step saves of one clip."""
    return activations.unet_bytes(c)


def body_params(c: ModelConfig) -> dict[str, int]:
    """The same weights by part: `plain`, `modulation` (what adaLN is to a DiT), `end`."""
    counts = {part: 0 for part in ("plain", "modulation", "end")}
    for product in products(c):
        counts[product.part] += product.weights
    head = c.width // c.heads
    attentions = 2 + c.crosses
    norms = sum(2 * d_in + 2 * head * c.qk_norm * attentions for d_in, _ in blocks(c))
    counts["plain"] += norms + 2 * c.width
    return counts
