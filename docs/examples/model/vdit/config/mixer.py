"""FLOPs, weights and kept bytes of the space-time Mixer, in closed form. No JAX here."""

from vdit.config.activations import ITEM
from vdit.config.model_config import ModelConfig


def hidden(c: ModelConfig) -> int:
    """F, the numbers between the two layers that mix channels."""
    return int(c.width * c.mlp_ratio)


def body_flops(c: ModelConfig) -> int:
    """FLOPs of a forward pass for one clip, between patches in and patches out."""
    n, d = c.tokens, c.width
    modulation, tokens, channels = c.timesteps * d * 4 * d, 2 * n * d * d, 2 * n * d * hidden(c)
    return 2 * (c.depth * (modulation + tokens + channels) + n * d * c.output_numbers)


def body_params(c: ModelConfig) -> dict[str, int]:
    """The weights by part."""
    n, d, f = c.tokens, c.width, hidden(c)
    mixing = (n + 1) * d + (d + 1) * n + (d + 1) * f + (f + 1) * d
    modulation = (d + 1) * 4 * d
    end = (d + 1) * c.output_numbers
    return {"plain": c.depth * mixing, "modulation": c.depth * modulation, "end": end}


def activation_bytes(c: ModelConfig) -> int:
    """What enters the products of a training step's blocks, for one clip."""
    n, d, f = c.tokens, c.width, hidden(c)
    return ITEM[c.dtype] * c.depth * (2 * n * d + d * d + n * f)
