"""The parts of a VideoDiT, as `vdit.models.dit` and `vdit.models.blocks` have them. No JAX here."""

from vdit.config import layers
from vdit.config.model_config import ModelConfig, stages
from vdit.config.network import Layer, Network
from vdit.config.part import Part
from vdit.config.parts import CLIP, Dense, Held, Mask, Norm, Table


def network(c: ModelConfig) -> Network:
    """Every stage is a layer that repeats; behind them come a norm and the output."""
    numbers, stack = (c.tokens + c.context) * c.width, []
    for s, (blocks, repeats) in enumerate(stages(c)):
        named = ((f"stages.{s}.blocks.{b}", axes) for b, axes in enumerate(blocks))
        parts = (part for name, axes in named for part in _block(c, name, axes))
        stack.append(Layer(tuple(parts), numbers, repeats))
    return Network(tuple(stack), (*layers.inward(c), *_shared(c), *_last(c), *_positions(c)))


def _block(c: ModelConfig, name: str, attention_axes: tuple[str, ...]) -> list[Part]:
    """Attention and MLP keep what enters their gates; cross-attention has none."""
    n, d = c.tokens + c.context, c.width
    gate = Held(n, d)
    parts = [_modulation(c, f"{name}.modulation", 3 * (len(attention_axes) + 1) * d)]
    for i, axis in enumerate(attention_axes):
        parts += [*layers.self_attention(c, f"{name}.attentions.{i}", axis), gate]
    if c.crosses:
        parts += layers.cross_attention(c, f"{name}.cross", d)
    return [*parts, Norm(n, d), *layers.mlp(f"{name}.mlp", n, d, int(d * c.mlp_ratio)), gate]


def _modulation(c: ModelConfig, name: str, numbers: int) -> Dense:
    return Dense(name, c.timesteps, c.width, numbers, layers.ONWARD, of=CLIP)


def _shared(c: ModelConfig) -> list[Part]:
    """What all layers see of a caption: words, and which of them there are."""
    if c.context:
        return [Mask(c.heads * (c.tokens + c.context) ** 2)]
    mask = Mask(c.heads * c.tokens * c.text_length)
    return [Held(c.text_length, c.width), mask] if c.crosses else []


def _last(c: ModelConfig) -> list[Part]:
    """On the clip's own tokens alone."""
    return [
        _modulation(c, "final_modulation", 2 * c.width),
        Norm(c.tokens, c.width),
        Dense("output", c.tokens, c.width, c.output_numbers, ("embed", None)),
    ]


def _positions(c: ModelConfig) -> list[Part]:
    frames, positions = c.grid[0], c.grid[1] * c.grid[2]
    tables = [Table("positions.places", positions, c.width)]
    tables += [Table("positions.frames", frames, c.width)] * (frames > 1)
    return tables if c.positions == "learned" else []
