"""AutoencoderKLWan: the causal video autoencoder of Wan 2.1 (2503.20314), as diffusers names it."""

import dataclasses
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Self

import jax
import jax.numpy as jnp
from flax import nnx

from vdit.autoencoders.wan_layers import (
    CausalConv,
    Downsample,
    Kept,
    Middle,
    Past,
    ResidualBlock,
    RMSNorm,
    Upsample,
    pointwise,
)
from vdit.errors import InputError

LISTS = ("multiples", "time_halved")


@dataclasses.dataclass(frozen=True)
class WanConfig:
    """All that fixes an AutoencoderKLWan; the defaults are Wan 2.1's."""

    channels: int = 16
    width: int = 96
    decoder_width: int | None = None  # None: the same
    multiples: tuple[int, ...] = (1, 2, 4, 4)  # of the width, by level, from pixels inwards
    depth: int = 2  # residual blocks of a level of the encoder; the decoder has one more
    time_halved: tuple[bool, ...] = (False, True, True)  # between levels, each halves the frame

    def __post_init__(self):
        between = len(self.multiples) - 1
        if len(self.time_halved) != between:
            raise InputError(
                f"temperal_downsample has {len(self.time_halved)} values: expected {between}, one "
                "less than dim_mult"
            )

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """From JSON's values; `InputError` where one is of another kind."""
        for field in dataclasses.fields(cls):
            value, many = settings.get(field.name, field.default), field.name in LISTS
            if isinstance(value, list | tuple) != many:
                kind = "a list" if many else "a number"
                raise InputError(f"wan's {field.name}={value!r}: expected {kind}")
        return cls(**{k: tuple(v) if k in LISTS else v for k, v in settings.items()})

    @property
    def space(self) -> int:
        """Pixels that a latent stands for, along one side."""
        return 2 ** len(self.time_halved)

    @property
    def time(self) -> int:
        """Frames that a latent stands for; the first stands for one."""
        return 2 ** sum(self.time_halved)


class Encoder(nnx.Module):
    """Videos to the posterior's mean and log-variance, 2 C channels."""

    def __init__(self, config: WanConfig, *, rngs: nnx.Rngs):
        inner = config.width * config.multiples[-1]
        self.conv_in = CausalConv(3, config.width, rngs=rngs)
        self.down_blocks = nnx.List(_down_blocks(config, rngs))
        self.mid_block = Middle(inner, rngs=rngs)
        self.norm_out = RMSNorm(inner)
        self.conv_out = CausalConv(inner, 2 * config.channels, rngs=rngs)

    def __call__(self, x_BTHWC: jax.Array, past: Past) -> jax.Array:
        x = self.conv_in(x_BTHWC, past)
        for block in self.down_blocks:
            x = block(x, past)
        return self.conv_out(nnx.silu(self.norm_out(self.mid_block(x, past))), past)


def _down_blocks(config: WanConfig, rngs: nnx.Rngs) -> Iterator[nnx.Module]:
    widths = [config.width, *(config.width * m for m in config.multiples)]
    for level, (d_in, d_out) in enumerate(pairwise(widths)):
        for i in range(config.depth):
            yield ResidualBlock(d_out if i else d_in, d_out, rngs=rngs)
        if level < len(config.time_halved):
            yield Downsample(d_out, config.time_halved[level], rngs=rngs)


class UpLevel(nnx.Module):
    """Residual blocks; then twice the height and width, and frames if `time` is set (None: no)."""

    def __init__(self, d_in: int, d_out: int, depth: int, time: bool | None, *, rngs: nnx.Rngs):
        ins = [d_in, *[d_out] * (depth - 1)]
        self.resnets = nnx.List([ResidualBlock(d, d_out, rngs=rngs) for d in ins])
        self.upsamplers = nnx.List([] if time is None else [Upsample(d_out, time, rngs=rngs)])

    def __call__(self, x_BTHWD: jax.Array, past: Past) -> jax.Array:
        for layer in (*self.resnets, *self.upsamplers):
            x_BTHWD = layer(x_BTHWD, past)
        return x_BTHWD


class Decoder(nnx.Module):
    """Latents to videos; its levels run from the innermost out."""

    def __init__(self, config: WanConfig, *, rngs: nnx.Rngs):
        width = config.decoder_width or config.width
        widths = [width * m for m in config.multiples[::-1]]
        ins = [widths[0], *(d // 2 for d in widths[:-1])]  # a doubling of the sides halves them
        time = [*config.time_halved[::-1], None]
        self.conv_in = CausalConv(config.channels, widths[0], rngs=rngs)
        self.mid_block = Middle(widths[0], rngs=rngs)
        self.up_blocks = nnx.List(
            [
                UpLevel(*level, rngs=rngs)
                for level in zip(ins, widths, [config.depth + 1] * len(widths), time, strict=True)
            ]
        )
        self.norm_out = RMSNorm(widths[-1])
        self.conv_out = CausalConv(widths[-1], 3, rngs=rngs)

    def __call__(self, z_BThwC: jax.Array, past: Past) -> jax.Array:
        x = self.mid_block(self.conv_in(z_BThwC, past), past)
        for block in self.up_blocks:
            x = block(x, past)
        return self.conv_out(nnx.silu(self.norm_out(x)), past)


class AutoencoderKLWan(nnx.Module):
    """Videos (B, 1 + k time, H, W, 3) in [-1, 1] to the posterior's mean (B, 1 + k, H/space,
    W/space, channels), raw, and back, held within [-1, 1].

    `encode` and `decode` give what the layers keep, too: with it the next frames, k time, or
    latents, k, follow as if all had come at once. Only the first frame stands alone.
    """

    def __init__(self, config: WanConfig, *, rngs: nnx.Rngs):
        C = config.channels
        self.time, self.space, self.channels = config.time, config.space, C
        self.encoder, self.decoder = Encoder(config, rngs=rngs), Decoder(config, rngs=rngs)
        self.quant_conv = pointwise(2 * C, 2 * C, rngs=rngs)
        self.post_quant_conv = pointwise(C, C, rngs=rngs)

    def encode(self, x_BTHWC: jax.Array, kept: Kept | None = None) -> tuple[jax.Array, Kept]:
        past = Past(kept)
        moments = self.quant_conv(self.encoder(x_BTHWC, past))
        return jnp.split(moments, 2, axis=-1)[0], past.kept

    def decode(self, z_BThwC: jax.Array, kept: Kept | None = None) -> tuple[jax.Array, Kept]:
        past = Past(kept)
        x = self.decoder(self.post_quant_conv(z_BThwC), past)
        return x.clip(-1, 1), past.kept
