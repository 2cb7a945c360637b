"""The parts of the space-time U-Net, as `vdit.models.unet3d` has them. No JAX here."""

import dataclasses

from vdit.config import layers
from vdit.config.model_config import ModelConfig
from vdit.config.network import Layer, Network
from vdit.config.part import NOTHING, ActivationBytes, Part, Weight
from vdit.config.parts import CLIP, Dense, Held, Mask
from vdit.config.unet import Block, at_level, blocks

KERNEL = (None, None, "embed", "mlp")


@dataclasses.dataclass(frozen=True)
class Convolution(Dense):
    """3 x 3 within each frame of a grid (T, H, W). A product with zeros beyond a frame's edge is no
    operation (nor for XLA): an axis of n positions has 3 n - 2 pairs of one and a neighbour."""

    grid: tuple[int, int, int] = (1, 1, 1)
    remade = True

    @property
    def flops(self) -> int:
        t, h, w = self.grid
        return 2 * t * (3 * h - 2) * (3 * w - 2) * self.d_in * self.d_out

    @property
    def weights(self) -> list[Weight]:
        kernel = Weight(f"{self.name}.conv.kernel", (3, 3, self.d_in, self.d_out), self.axes)
        return [kernel, Weight(f"{self.name}.conv.bias", (self.d_out,), (None,))]

    def made(self, item: int) -> ActivationBytes:
        return NOTHING

    def _written(self, item: int) -> ActivationBytes:
        return ActivationBytes(item * self.rows * self.d_out)


@dataclasses.dataclass(frozen=True)
class GroupNorm(Part):
    """And the SiLU behind it: four copies of the tokens, and two in float32. With a name it has a
    learned scale and bias."""

    rows: int
    width: int
    name: str = ""

    @property
    def weights(self) -> list[Weight]:
        learned = ("scale", "bias") if self.name else ()
        return [Weight(f"{self.name}.{w}", (self.width,), (None,)) for w in learned]

    def kept(self, item: int) -> ActivationBytes:
        return ActivationBytes((4 * item + 2 * 4) * self.rows * self.width)


def network(c: ModelConfig) -> Network:
    """Every block is a layer of its own, and all are handed the caption's words, which are kept
    once; behind the last come a norm and the output."""
    words, stack = c.text_length * c.width * c.crosses, []
    for block in blocks(c):
        entering = block.level.tokens * block.d_in + (words if not stack else 0)
        stack.append(Layer(_block(block, c.width), entering))
    last = [
        GroupNorm(c.tokens, c.width, "norm"),
        _convolution(at_level(c, 0, c.width), "output", c.width, c.output_numbers),
    ]
    return Network(tuple(stack), (*layers.inward(c), *last))


def _convolution(level: ModelConfig, name: str, d_in: int, d_out: int) -> Convolution:
    return Convolution(name, level.tokens, d_in, d_out, KERNEL, grid=level.grid)


def _block(block: Block, base: int) -> tuple[Part, ...]:
    """A ResNet, then attention over space, to the caption, over time; none of them has a gate.

    Blocks are no stack that is scanned: each keeps the caption's words and its mask for itself.
    """
    (name, d_in, level), d = block, block.level.width
    attention = layers.self_attention(level, f"{name}.space", "space")
    if level.crosses:
        words = level.text_length
        attention += layers.cross_attention(level, f"{name}.cross", base)
        attention += [Held(words, base), Mask(level.heads * level.tokens * words)]
    *over_time, out = layers.self_attention(level, f"{name}.time", "time")
    last = dataclasses.replace(out, last=True)
    return (*_resnet(level, f"{name}.resnet", d_in, d, base), *attention, *over_time, last)


def _resnet(level: ModelConfig, name: str, d_in: int, d: int, base: int) -> list[Part]:
    modulation = Dense(f"{name}.modulation", level.timesteps, base, 2 * d, layers.ONWARD, of=CLIP)
    skip = Dense(f"{name}.skip", level.tokens, d_in, d, layers.ONWARD)
    return [
        GroupNorm(level.tokens, d_in, f"{name}.norm"),
        _convolution(level, f"{name}.inward", d_in, d),
        modulation,
        GroupNorm(level.tokens, d),
        _convolution(level, f"{name}.outward", d, d),
        *([skip] if d_in != d else []),
    ]
