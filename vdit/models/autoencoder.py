"""Videos to small latents and back: a causal 3-D convolutional autoencoder, and the identity.

The first frame is coded alone and every later group of `time` frames sees only its past, so that an
image is a one-frame video (MAGVIT-v2, arXiv 2310.05737); the latents are Gaussians held near the
unit normal by a small KL term (latent diffusion, arXiv 2112.10752).
"""

import jax
import jax.numpy as jnp
from flax import nnx

COLOURS = 3


def patchify(x_BTHWC, time, space):
    """(B, k * time, H, W, C) to (B, k, H / space, W / space, time * space^2 * C)."""
    B, T, H, W, C = x_BTHWC.shape
    x = x_BTHWC.reshape(B, T // time, time, H // space, space, W // space, space, C)
    x = x.transpose(0, 1, 3, 5, 2, 4, 6, 7)
    return x.reshape(*x.shape[:4], time * space**2 * C)


def unpatchify(x_BThwP, time, space):
    """The inverse of `patchify`."""
    B, T, h, w, _ = x_BThwP.shape
    x = x_BThwP.reshape(B, T, h, w, time, space, space, -1).transpose(0, 1, 4, 2, 5, 3, 6, 7)
    return x.reshape(B, T * time, h * space, w * space, -1)


def _linear(fan_in, fan_out, rngs, init=nnx.initializers.lecun_normal()):
    init = nnx.with_partitioning(init, ("conv_in", "conv_out"), eager_sharding=False)
    return nnx.Linear(fan_in, fan_out, kernel_init=init, rngs=rngs)


class CausalConv(nnx.Module):
    def __init__(self, fan_in, fan_out, taps, *, rngs):
        init = nnx.with_partitioning(
            nnx.initializers.lecun_normal(),
            (None, None, "conv_in", "conv_out"),
            eager_sharding=False,
        )
        self.taps = taps
        self.conv = nnx.Conv(taps * fan_in, fan_out, (3, 3), kernel_init=init, rngs=rngs)

    def __call__(self, x_BTHWC):
        B, T, H, W, C = x_BTHWC.shape
        past = jnp.pad(x_BTHWC, ((0, 0), (self.taps - 1, 0), (0, 0), (0, 0), (0, 0)))
        x = jnp.concatenate([past[:, i : i + T] for i in range(self.taps)], axis=-1)
        return self.conv(x.reshape(B * T, H, W, -1)).reshape(B, T, H, W, -1)


class Block(nnx.Module):
    def __init__(self, width, taps, expand, *, rngs):
        self.norm = nnx.RMSNorm(width, rngs=rngs)
        self.conv = CausalConv(width, width * expand, taps, rngs=rngs)
        self.out = _linear(width * expand, width, rngs, nnx.initializers.zeros)

    def __call__(self, x_BTHWD):
        return x_BTHWD + self.out(nnx.silu(self.conv(self.norm(x_BTHWD))))


class CausalAutoencoder(nnx.Module):
    def __init__(self, config, *, rngs):
        c = config
        self.space, self.time, self.channels = c.space, c.time, c.channels
        frame = COLOURS * c.space**2
        blocks = lambda n: nnx.List([Block(c.width, t, c.expand, rngs=rngs) for t in n])
        self.first_in = _linear(frame, c.width, rngs)
        self.rest_in = _linear(frame * c.time, c.width, rngs)
        self.encoder = blocks(c.enc_taps)
        self.to_latent = _linear(c.width, 2 * c.channels, rngs)
        self.from_latent = CausalConv(c.channels, c.width, 2, rngs=rngs)
        self.decoder = blocks(c.dec_taps)
        self.norm = nnx.RMSNorm(c.width, rngs=rngs)
        zero = nnx.initializers.zeros
        self.first_out = _linear(c.width, frame, rngs, zero)
        self.rest_out = _linear(c.width, frame * c.time, rngs, zero)

    def encode(self, x_BTHWC):
        first = self.first_in(patchify(x_BTHWC[:, :1], 1, self.space))
        rest = self.rest_in(patchify(x_BTHWC[:, 1:], self.time, self.space))
        x = jnp.concatenate([first, rest], axis=1)
        for block in self.encoder:
            x = block(x)
        return jnp.split(self.to_latent(x), 2, axis=-1)

    def decode(self, z_BthwC):
        x = self.from_latent(z_BthwC)
        for block in self.decoder:
            x = block(x)
        x = self.norm(x)
        first = unpatchify(self.first_out(x[:, :1]), 1, self.space)
        rest = unpatchify(self.rest_out(x[:, 1:]), self.time, self.space)
        return jnp.concatenate([first, rest], axis=1)


def loss(model, x_BTHWC, rng, kl_weight):
    mean, logvar = model.encode(x_BTHWC)
    logvar = jnp.clip(logvar, -20, 10)
    z = mean + jnp.exp(0.5 * logvar) * jax.random.normal(rng, mean.shape)
    y = model.decode(z)
    mse = jnp.mean((y - x_BTHWC) ** 2)
    kl = 0.5 * jnp.mean(mean**2 + jnp.exp(logvar) - 1 - logvar)
    return mse + kl_weight * kl, {"mse": mse, "kl": kl}


def psnr(x, y):
    return 10 * jnp.log10(4 / jnp.mean((x - y) ** 2))
