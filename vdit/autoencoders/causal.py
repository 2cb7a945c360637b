"""Videos to small latents and back: a causal 3-D convolutional autoencoder.

The first frame is coded alone and each later group of `time` frames sees only its past, so that an
image is a one-frame video (MAGVIT-v2, 2310.05737). The latents are Gaussians held loosely to a unit
normal (latent diffusion, 2112.10752).
"""

import dataclasses
import functools
import types
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from vdit.autoencoders.pixels import check_video
from vdit.config.sizes import latent_shape
from vdit.errors import InputError
from vdit.models.causal_conv import Block, CausalConv, Patches, Pixels
from vdit.models.dit import abstract
from vdit.models.norms import RMSNorm

SPACE, TIME = (4, 8), (1, 2, 4)
LOGVAR = (-20.0, 10.0)


class CausalAutoencoder(nnx.Module):
    """A causal KL autoencoder of videos (2310.05737, 2112.10752): T = 1 + k time frames of H x W
    pixels to 1 + k latent frames of H/space x W/space vectors of `channels` numbers.

    `config` has `space` (4 or 8), `time` (1, 2 or 4), `channels`, `width`, and `depth`: blocks of
    the decoder; the encoder has half as many. Raises `InputError` for other values.
    """

    def __init__(self, config: Any, *, rngs: nnx.Rngs):
        _check_config(config)
        self.space, self.time, self.channels = config.space, config.time, config.channels
        with nnx.use_eager_sharding(False):  # names only: the training step places the weights
            self._make_layers(config.width, config.depth, rngs)

    def _make_layers(self, D: int, depth: int, rngs: nnx.Rngs) -> None:
        self.patches = Patches(self.space, self.time, D, rngs=rngs)
        self.encoder = nnx.List([Block(D, rngs=rngs) for _ in range(max(1, depth // 2))])
        self.to_latent = CausalConv(D, 2 * self.channels, taps=2, rngs=rngs)
        self.from_latent = CausalConv(self.channels, D, taps=2, rngs=rngs)
        self.decoder = nnx.List([Block(D, rngs=rngs) for _ in range(depth)])
        self.norm = RMSNorm(D, rngs=rngs)
        self.pixels = Pixels(self.space, self.time, D, rngs=rngs)

    def encode(self, x_BTHWC: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Mean and log-variance, each (B, t, h, w, channels), of videos in [-1, 1]."""
        check_video(x_BTHWC.shape, self.space, self.time)
        x = self.patches(x_BTHWC)
        for block in self.encoder:
            x = block(x)
        mean, logvar = jnp.split(self.to_latent(x), 2, axis=-1)
        return mean, logvar.clip(*LOGVAR)

    def decode(self, z_BThwC: jax.Array) -> jax.Array:
        """Videos (B, T, H, W, 3), about in [-1, 1], of latents; causal too."""
        x = self.from_latent(z_BThwC)
        for block in self.decoder:
            x = block(x)
        return self.pixels(self.norm(x))


def loss(
    model: CausalAutoencoder, x_BTHWC: jax.Array, noise_BThwC: jax.Array, kl_weight: float
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """mean (x - decode(z))^2 + kl_weight KL, z = mean + noise times the posterior's deviation
    (2112.10752, appendix G).

    The KL to a unit normal is in nats, a mean over latent numbers. For errors of variance s^2 the
    evidence bound has kl_weight = 2 s^2 (latent numbers / pixel numbers).
    """
    mean, logvar = model.encode(x_BTHWC)
    z = mean + jnp.exp(0.5 * logvar) * noise_BThwC
    mse = jnp.mean(jnp.square(model.decode(z) - x_BTHWC))
    kl = 0.5 * jnp.mean(jnp.square(mean) + jnp.exp(logvar) - 1 - logvar)
    return mse + kl_weight * kl, {"mse": mse, "kl": kl}


def _check_config(config: Any) -> None:
    for name, allowed in (("space", SPACE), ("time", TIME)):
        if (value := getattr(config, name)) not in allowed:
            raise InputError(f"autoencoder.{name}={value}: expected one of {allowed}")
    for name in ("channels", "width", "depth"):
        if (value := getattr(config, name)) < 1:
            raise InputError(f"autoencoder.{name}={value}: expected at least 1")


@dataclasses.dataclass(frozen=True)
class Init:
    """Fresh weights for the items of a config, a hashable form of it."""

    items: tuple[tuple[str, Any], ...]

    @classmethod
    def of(cls, config: Any) -> "Init":
        """For `config.autoencoder`, without what says where it lies or how it was trained."""
        left_out = ("name", "dir", "kl_weight")
        return cls(tuple(sorted((k, v) for k, v in dict(config).items() if k not in left_out)))

    def model(self, rngs: nnx.Rngs) -> CausalAutoencoder:
        """A new model."""
        return CausalAutoencoder(types.SimpleNamespace(**dict(self.items)), rngs=rngs)

    def __call__(self, key: jax.Array) -> nnx.State:
        return nnx.split(self.model(nnx.Rngs(key)))[1]

    def latent_shape(self, video: tuple[int, ...]) -> tuple[int, ...]:
        """(B, t, h, w, channels) of videos (B, T, H, W, 3)."""
        config = types.SimpleNamespace(name="causal", **dict(self.items))
        return video[0], *latent_shape(config, *video[1:4])

    def shapes(self) -> nnx.State:
        """The weights as shapes alone."""
        return _abstract(self)[1]


def graph_of(init: Init) -> nnx.GraphDef:
    """The model without its weights."""
    return _abstract(init)[0]


@functools.lru_cache(maxsize=8)
def _abstract(init: Init) -> tuple[nnx.GraphDef, nnx.State]:
    return abstract(init.model)
