"""A space-time U-Net: a 2-D U-Net whose frames see each other through temporal attention.

After Ho et al. (2204.03458): convolutions and spatial attention see one frame, temporal attention
one position in all frames. Patches, captions, timesteps and rotary positions are VideoDiT's, so
that the two differ in what lies between.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from vdit.config import unet
from vdit.config.model_config import ModelConfig
from vdit.models import embed
from vdit.models.attend import shard_tokens
from vdit.models.attention import CrossAttention, SelfAttention
from vdit.models.causal_conv import CausalConv
from vdit.models.conditioning import Conditioned, Words
from vdit.models.layers import Dense
from vdit.models.norms import layer_norm
from vdit.models.stack import REMAT
from vdit.parallel.sharding import constrain


def group_norm(x_BTHWC: jax.Array, size: int, epsilon: float = 1e-6) -> jax.Array:
    """Group norm (1803.08494) of each frame, groups of `size` channels, in float32.

    By frame, so that an image is a clip of one frame, and frames may have timesteps of their own.
    """
    x = x_BTHWC.reshape(*x_BTHWC.shape[:-1], -1, size).astype(jnp.float32)
    x -= x.mean((2, 3, 5), keepdims=True)
    x *= jax.lax.rsqrt(jnp.square(x).mean((2, 3, 5), keepdims=True) + epsilon)
    return x.reshape(x_BTHWC.shape).astype(x_BTHWC.dtype)


class GroupNorm(nnx.Module):
    """`group_norm`, then a learned scale and bias."""

    def __init__(self, width: int, size: int, *, rngs: nnx.Rngs):
        self.size = size
        self.scale, self.bias = nnx.Param(jnp.ones((width,))), nnx.Param(jnp.zeros((width,)))

    def __call__(self, x_BTHWC: jax.Array) -> jax.Array:
        scale, bias = (w[...].astype(x_BTHWC.dtype) for w in (self.scale, self.bias))
        return group_norm(x_BTHWC, self.size) * scale + bias


class ResNet(nnx.Module):
    """x + conv(silu(norm(conv(silu(norm(x)))) (1 + scale) + shift)): ADM's block (2105.05233).

    Scale and shift come from timestep and caption. The second convolution starts as zero.
    """

    def __init__(self, d_in: int, d_out: int, config: ModelConfig, *, rngs: nnx.Rngs):
        kw = {"rngs": rngs, "dtype": jnp.dtype(config.dtype)}
        self.size = config.width // config.heads
        self.norm = GroupNorm(d_in, self.size, rngs=rngs)
        self.inward = CausalConv(d_in, d_out, taps=1, **kw)
        self.modulation = Dense(config.width, 2 * d_out, ("embed", "mlp"), **kw)
        self.outward = CausalConv(d_out, d_out, taps=1, zero=True, **kw)
        self.skip = Dense(d_in, d_out, ("embed", "mlp"), **kw) if d_in != d_out else None

    def __call__(self, x_BTHWC: jax.Array, c_BTD: jax.Array) -> jax.Array:
        shift, scale = jnp.split(self.modulation(c_BTD)[:, :, None, None], 2, -1)
        h = placed(self.inward(placed(jax.nn.silu(self.norm(x_BTHWC)))))
        h = group_norm(h, self.size) * (1 + scale) + shift
        x = x_BTHWC if self.skip is None else self.skip(x_BTHWC)
        return x + placed(self.outward(placed(jax.nn.silu(h))))


def placed(x_BTHWC: jax.Array) -> jax.Array:
    """Clips and frames on their devices, channels whole: how weights lie is no way for these to."""
    return constrain(x_BTHWC, "batch", "tokens", None, None, None)


class Block(nnx.Module):
    """A ResNet block, then attention over space, to the caption, and over time.

    The attentions start as zero: a new video model is an image model of each frame.
    """

    def __init__(self, d_in: int, d_out: int, config: ModelConfig, *, rngs: nnx.Rngs):
        self.resnet = ResNet(d_in, d_out, config, rngs=rngs)
        heads = {"heads": d_out * config.heads // config.width, "qk_norm": config.qk_norm}
        kw = heads | {"rngs": rngs, "dtype": jnp.dtype(config.dtype)}
        self.space = SelfAttention(d_out, attention_axis="space", zero=True, **kw)
        self.cross = (
            CrossAttention(d_out, caption_width=config.width, **kw) if config.crosses else None
        )
        self.time = SelfAttention(d_out, attention_axis="time", zero=True, **kw)

    def __call__(self, x_BTHWC: jax.Array, c_BTD: jax.Array, words: Words | None) -> jax.Array:
        x_BTHWC = self.resnet(x_BTHWC, c_BTD)
        grid = x_BTHWC.shape[1:4]
        angles = jnp.asarray(embed.rotary_angles(grid, x_BTHWC.shape[-1] // self.space.heads))
        x_BND = x_BTHWC.reshape(len(x_BTHWC), -1, x_BTHWC.shape[-1])
        x_BND = x_BND + self.space(layer_norm(x_BND), angles, grid)
        if self.cross is not None:
            x_BND = x_BND + self.cross(layer_norm(x_BND), *words)
        x_BND = x_BND + self.time(layer_norm(x_BND), angles, grid)
        return shard_tokens(x_BND, grid[0]).reshape(x_BTHWC.shape)


def downsampled(x_BTHWC: jax.Array) -> jax.Array:
    """The means of 2 x 2 positions."""
    b, t, h, w, c = x_BTHWC.shape
    return x_BTHWC.reshape(b, t, h // 2, 2, w // 2, 2, c).mean((3, 5))


def upsampled(x_BTHWC: jax.Array) -> jax.Array:
    """Every position four times."""
    return x_BTHWC.repeat(2, axis=2).repeat(2, axis=3)


class VideoUNet(Conditioned):
    """prediction = model(x_BTHWC, t_B, caption), as `dit.VideoDiT` has it; t may be (B, T) too.

    Of any T, and any H and W in patches that its levels can halve (`unet.levels` of the latents
    it is made for). Raises `InputError` for others.
    """

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs):
        super().__init__(config, rngs=rngs)
        kw, width = {"rngs": rngs, "dtype": jnp.dtype(config.dtype)}, config.width
        plans = unet.down_blocks(config), unet.up_blocks(config)
        self.down, self.up = (_levels(plan, config, rngs) for plan in plans)
        deepest = unet.channels(config)[-1]
        self.middle = Block(deepest, deepest, config, rngs=rngs)
        self.norm = GroupNorm(width, width // config.heads, rngs=rngs)
        self.output = CausalConv(width, config.output_numbers, taps=1, zero=True, **kw)

    def __call__(self, x_BTHWC: jax.Array, t_B: jax.Array, caption: jax.Array) -> jax.Array:
        config, grid = self.config, embed.grid_of(x_BTHWC.shape, self.config.patch)
        unet.check_grid(grid, len(self.down))
        x = embed.patchify(x_BTHWC, config.patch).astype(jnp.dtype(config.dtype))
        x = placed(self.patches(x).reshape(len(x), *grid, -1))
        c, words = self.condition(t_B, caption, x_BTHWC.shape[1:4])
        x = self._between(x, c.reshape(len(c), -1, config.width), words)
        y_BTHWP = self.output(jax.nn.silu(self.norm(x))).astype(jnp.float32)
        numbers = x_BTHWC.shape[-1] * (1 + config.learn_sigma)
        y_BNP = y_BTHWP.reshape(len(x), -1, config.output_numbers)
        return embed.unpatchify(y_BNP, config.patch, (*x_BTHWC.shape[1:4], numbers))

    def _between(self, x: jax.Array, *inputs: Any) -> jax.Array:
        """Down the levels and up again, where a block sees its mirror image's output, too."""
        skips = []
        for i, level in enumerate(self.down):
            x = downsampled(x) if i else x
            for block in level:
                x = _run(block, self.config, x, *inputs)
                skips.append(x)
        x = _run(self.middle, self.config, x, *inputs)
        for i, level in enumerate(self.up):
            x = upsampled(x) if i else x
            for block in level:
                x = _run(block, self.config, jnp.concatenate([x, skips.pop()], -1), *inputs)
        return x


def _levels(plan: list[list[unet.Channels]], config: ModelConfig, rngs: nnx.Rngs) -> nnx.List:
    return nnx.List([nnx.List([Block(*io, config, rngs=rngs) for io in level]) for level in plan])


def _run(block: Block, config: ModelConfig, *inputs: Any) -> jax.Array:
    """A block, recomputed in the backward pass where `remat` asks for it."""
    if REMAT[config.remat] is None:
        return block(*inputs)
    graph, weights = nnx.split(block)
    run = jax.checkpoint(lambda w, *a: nnx.merge(graph, w)(*a), policy=REMAT[config.remat])
    return run(weights, *inputs)
