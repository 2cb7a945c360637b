"""AutoencoderKL: the image autoencoder of latent diffusion (2112.10752), as diffusers names it."""

import dataclasses
from collections.abc import Sequence
from itertools import pairwise, zip_longest

import jax
import jax.numpy as jnp
from flax import nnx

from vdit.autoencoders.conv2d import AFTER, conv, group_norm, upsample_nearest

EPSILON = 1e-6


@dataclasses.dataclass(frozen=True)
class KLConfig:
    """All that fixes an AutoencoderKL. Latents are (z - shift) scale, z the posterior's mean."""

    channels: int
    widths: tuple[int, ...]  # of the levels, from pixels inwards; each halves height and width
    depth: int  # residual blocks of a level of the encoder; the decoder has one more
    attention: tuple[bool, ...]  # for each level, then for the middle: whether pixels attend
    quant: tuple[bool, bool] = (True, True)  # 1x1 convolutions after the encoder, before the rest
    groups: int = 32
    scale: float = 0.18215
    shift: float = 0.0

    @property
    def space(self) -> int:
        """Pixels that a latent stands for, along one side."""
        return 2 ** (len(self.widths) - 1)


class ResnetBlock(nnx.Module):
    """x + conv(silu(norm(conv(silu(norm(x)))))); a 1x1 convolution of x where the width changes."""

    def __init__(self, d_in: int, d_out: int, groups: int, *, rngs: nnx.Rngs):
        self.norm1 = group_norm(d_in, groups, EPSILON, rngs=rngs)
        self.conv1 = conv(d_in, d_out, rngs=rngs)
        self.norm2 = group_norm(d_out, groups, EPSILON, rngs=rngs)
        self.conv2 = conv(d_out, d_out, rngs=rngs)
        self.conv_shortcut = conv(d_in, d_out, 1, rngs=rngs) if d_in != d_out else None

    def __call__(self, x_BHWD: jax.Array) -> jax.Array:
        h = self.conv1(jax.nn.silu(self.norm1(x_BHWD)))
        h = self.conv2(jax.nn.silu(self.norm2(h)))
        return h + (x_BHWD if self.conv_shortcut is None else self.conv_shortcut(x_BHWD))


class Attention(nnx.Module):
    """x + attention of the pixels of an image among themselves, with one head."""

    def __init__(self, width: int, groups: int, *, rngs: nnx.Rngs):
        self.group_norm = group_norm(width, groups, EPSILON, rngs=rngs)
        self.to_q, self.to_k, self.to_v = (nnx.Linear(width, width, rngs=rngs) for _ in range(3))
        self.to_out = nnx.List([nnx.Linear(width, width, rngs=rngs)])

    def __call__(self, x_BHWD: jax.Array) -> jax.Array:
        h_BND = self.group_norm(x_BHWD).reshape(len(x_BHWD), -1, x_BHWD.shape[-1])
        q, k, v = (f(h_BND)[:, :, None] for f in (self.to_q, self.to_k, self.to_v))
        y_BND = jax.nn.dot_product_attention(q, k, v)[:, :, 0]
        return x_BHWD + self.to_out[0](y_BND).reshape(x_BHWD.shape)


class Downsample(nnx.Module):
    """Every second pixel of a convolution; it sees one more row and column of zeros at the end."""

    def __init__(self, width: int, *, rngs: nnx.Rngs):
        self.conv = conv(width, width, strides=2, padding=AFTER, rngs=rngs)

    def __call__(self, x_BHWD: jax.Array) -> jax.Array:
        return self.conv(x_BHWD)


class Upsample(nnx.Module):
    """Every pixel four times, then a convolution."""

    def __init__(self, width: int, *, rngs: nnx.Rngs):
        self.conv = conv(width, width, rngs=rngs)

    def __call__(self, x_BHWD: jax.Array) -> jax.Array:
        return self.conv(upsample_nearest(x_BHWD))


class Level(nnx.Module):
    """Residual blocks between `widths`, attention after the first few; then a resampling."""

    def __init__(
        self,
        widths: Sequence[int],
        attentions: int,
        groups: int,
        *,
        down: bool = False,
        up: bool = False,
        rngs: nnx.Rngs,
    ):
        self.resnets = nnx.List(
            [ResnetBlock(*pair, groups, rngs=rngs) for pair in pairwise(widths)]
        )
        self.attentions = nnx.List(
            [Attention(widths[-1], groups, rngs=rngs) for _ in range(attentions)]
        )
        self.downsamplers = nnx.List([Downsample(widths[-1], rngs=rngs)] * down)
        self.upsamplers = nnx.List([Upsample(widths[-1], rngs=rngs)] * up)

    def __call__(self, x_BHWD: jax.Array) -> jax.Array:
        for resnet, attention in zip_longest(self.resnets, self.attentions):
            x_BHWD = resnet(x_BHWD)
            x_BHWD = x_BHWD if attention is None else attention(x_BHWD)
        for resample in (*self.downsamplers, *self.upsamplers):
            x_BHWD = resample(x_BHWD)
        return x_BHWD


def _middle(config: KLConfig, rngs: nnx.Rngs) -> Level:
    return Level([config.widths[-1]] * 3, int(config.attention[-1]), config.groups, rngs=rngs)


class Encoder(nnx.Module):
    """Images to the posterior's mean and log-variance, 2 C channels."""

    def __init__(self, config: KLConfig, *, rngs: nnx.Rngs):
        w, n, last = config.widths, config.depth, len(config.widths) - 1
        self.conv_in = conv(3, w[0], rngs=rngs)
        ins = (w[0], *w)
        self.down_blocks = nnx.List(
            Level(
                [ins[i]] + [w[i]] * n,
                n * config.attention[i],
                config.groups,
                down=i < last,
                rngs=rngs,
            )
            for i in range(len(w))
        )
        self.mid_block = _middle(config, rngs)
        self.conv_norm_out = group_norm(w[-1], config.groups, EPSILON, rngs=rngs)
        self.conv_out = conv(w[-1], 2 * config.channels, rngs=rngs)

    def __call__(self, x_BHWC: jax.Array) -> jax.Array:
        x = self.conv_in(x_BHWC)
        for block in self.down_blocks:
            x = block(x)
        return self.conv_out(jax.nn.silu(self.conv_norm_out(self.mid_block(x))))


class Decoder(nnx.Module):
    """Latents to images; its levels run from the innermost out."""

    def __init__(self, config: KLConfig, *, rngs: nnx.Rngs):
        w, n, last = config.widths[::-1], config.depth + 1, len(config.widths) - 1
        attention, ins = config.attention[-2::-1], (w[0], *w)
        self.conv_in = conv(config.channels, w[0], rngs=rngs)
        self.mid_block = _middle(config, rngs)
        self.up_blocks = nnx.List(
            Level([ins[i]] + [w[i]] * n, n * attention[i], config.groups, up=i < last, rngs=rngs)
            for i in range(len(w))
        )
        self.conv_norm_out = group_norm(w[-1], config.groups, EPSILON, rngs=rngs)
        self.conv_out = conv(w[-1], 3, rngs=rngs)

    def __call__(self, z_BhwC: jax.Array) -> jax.Array:
        x = self.mid_block(self.conv_in(z_BhwC))
        for block in self.up_blocks:
            x = block(x)
        return self.conv_out(jax.nn.silu(self.conv_norm_out(x)))


class AutoencoderKL(nnx.Module):
    """z = model.encode(x), x = model.decode(z): images (B, H, W, 3) in [-1, 1] to the posterior's
    mean, shifted and scaled, (B, H/space, W/space, channels), and back.
    """

    def __init__(self, config: KLConfig, *, rngs: nnx.Rngs):
        C, (after, before) = config.channels, config.quant
        self.config, self.time, self.space, self.channels = config, 1, config.space, C
        self.encoder, self.decoder = Encoder(config, rngs=rngs), Decoder(config, rngs=rngs)
        self.quant_conv = conv(2 * C, 2 * C, 1, rngs=rngs) if after else None
        self.post_quant_conv = conv(C, C, 1, rngs=rngs) if before else None

    def encode(self, x_BHWC: jax.Array) -> jax.Array:
        moments = self.encoder(x_BHWC)
        moments = moments if self.quant_conv is None else self.quant_conv(moments)
        return (jnp.split(moments, 2, axis=-1)[0] - self.config.shift) * self.config.scale

    def decode(self, z_BhwC: jax.Array) -> jax.Array:
        z = z_BhwC / self.config.scale + self.config.shift
        return self.decoder(z if self.post_quant_conv is None else self.post_quant_conv(z))
