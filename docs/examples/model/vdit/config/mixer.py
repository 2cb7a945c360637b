"""The parts of a space-time Mixer, as `vdit.models.mixer` has them. No JAX here."""

from vdit.config import layers
from vdit.config.model_config import ModelConfig
from vdit.config.network import Layer, Network
from vdit.config.part import Part
from vdit.config.parts import CLIP, Dense, Norm


def network(c: ModelConfig) -> Network:
    """Every block is a layer of its own; behind the last come a norm and the output."""
    n, d = c.tokens, c.width
    stack = tuple(Layer(_block(c, f"blocks.{i}"), entering=n * d) for i in range(c.depth))
    last = Norm(n, d), Dense("output", n, d, c.output_numbers, ("embed", None))
    return Network(stack, (*layers.inward(c), *last))


def _block(c: ModelConfig, name: str) -> tuple[Part, ...]:
    n, d = c.tokens, c.width
    return (
        Dense(f"{name}.modulation", c.timesteps, d, 4 * d, layers.ONWARD, of=CLIP),
        Norm(n, d),
        *layers.mlp(f"{name}.tokens", d, n, d),
        Norm(n, d),
        *layers.mlp(f"{name}.channels", n, d, int(d * c.mlp_ratio)),
    )
