"""The parts of Latte for text, as `vdit.models.latte_text` has them. No JAX here."""

import dataclasses

from vdit.config import layers
from vdit.config.model_config import ModelConfig
from vdit.config.network import Layer, Network
from vdit.config.part import Part
from vdit.config.parts import CLIP, Dense, Held, Norm, Table


def network(c: ModelConfig) -> Network:
    """A layer is a block over space, which sees the caption, and one over time."""
    blocks = (part for axis in ("space", "time") for part in _block(c, f"layers.{axis}", axis))
    stack = Layer(tuple(blocks), c.tokens * c.width, c.depth // 2)
    inward = layers.inward(dataclasses.replace(c, condition="none"))
    return Network((stack,), (*inward, *_caption(c), *_last(c)))


def _block(c: ModelConfig, name: str, axis: str) -> list[Part]:
    """The caption's attention has no norm before it and no gate."""
    n, d = c.tokens, c.width
    parts = [Table(f"{name}.table", 6, d), *layers.self_attention(c, f"{name}.attention", axis)]
    parts += [Held(n, d), Norm(n, d), *layers.mlp(f"{name}.mlp", n, d, int(d * c.mlp_ratio))]
    if axis == "space":
        _norm, *cross = layers.cross_attention(c, f"{name}.cross", d)
        parts += cross
    return [*parts, Held(n, d)]


def _caption(c: ModelConfig) -> list[Part]:
    """Embeddings go through a dense layer, tokens are rows of a table; then GELU, a dense layer."""
    m, d, features = c.text_length, c.width, c.text_features
    up = Dense("caption.up", m, features, d, layers.INWARD, of=CLIP, first=True)
    down = Dense("caption.down", m, d, d, layers.ONWARD, of=CLIP)
    words = Held(m, d)  # what enters GELU, its powers and sums, the dense layer, and all blocks
    return [up if features else Table("caption.words", c.vocabulary, d), down, *[words] * 7]


def _last(c: ModelConfig) -> list[Part]:
    """One modulation serves all blocks, each of which adds a table of its own."""
    return [
        Dense("modulation", 1, c.width, 6 * c.width, layers.ONWARD, of=CLIP),
        Table("table", 2, c.width),
        Norm(c.tokens, c.width),
        Dense("output", c.tokens, c.width, c.output_numbers, ("embed", None)),
    ]
