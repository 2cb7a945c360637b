"""A published causal video autoencoder: the first frame alone, then chunks, one after another.

What is in memory at once is what one chunk of a few clips takes, however long they are.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from vdit.autoencoders.frozen import FrozenAutoencoder
from vdit.autoencoders.pixels import check_video, to_float, to_uint8
from vdit.autoencoders.wan_layers import Kept

# Pixels of a chunk of all clips that are coded at once: two clips of 4 frames of 256x256. More
# clips of smaller frames share a program, larger frames go one clip after another.
PIXELS = 2**19

Step = Callable[[Kept | None, jax.Array], tuple[Kept, jax.Array]]


class VideoAutoencoder(FrozenAutoencoder):
    """wan: `time` frames a latent; the first latent is the first frame's, and prefixes agree."""

    def encode(self, video: np.ndarray) -> np.ndarray:
        check_video(video.shape, self.space, self.time)
        return self._in_parts(_encode, video, self._clips(*video.shape[2:4]))

    def decode(self, latent: Any) -> np.ndarray:
        height, width = (self.space * n for n in np.shape(latent)[2:4])
        return self._in_parts(_decode, np.asarray(latent), self._clips(height, width))

    def _clips(self, height: int, width: int) -> int:
        return max(1, PIXELS // (self.time * height * width))


@functools.partial(jax.jit, static_argnums=0)
def _encode(graph: nnx.GraphDef, params: nnx.State, video: jax.Array) -> jax.Array:
    def step(kept: Kept | None, x_BTHWC: jax.Array) -> tuple[Kept, jax.Array]:
        z, kept = nnx.merge(graph, params).encode(to_float(x_BTHWC), kept)
        return kept, z

    return in_chunks(step, video, nnx.merge(graph, params).time)


@functools.partial(jax.jit, static_argnums=0)
def _decode(graph: nnx.GraphDef, params: nnx.State, latents: jax.Array) -> jax.Array:
    def step(kept: Kept | None, z_BThwC: jax.Array) -> tuple[Kept, jax.Array]:
        x, kept = nnx.merge(graph, params).decode(z_BThwC, kept)
        return kept, to_uint8(x)

    return in_chunks(step, latents, 1)


def in_chunks(step: Step, x_BT: jax.Array, size: int) -> jax.Array:
    """y of (kept, y) = step(kept, x): of the first of T, which has no past, then of each `size`."""
    kept, first = step(None, x_BT[:, :1])
    B, T, *rest = x_BT.shape
    if T == 1:
        return first
    chunks = jnp.moveaxis(x_BT[:, 1:].reshape(B, -1, size, *rest), 1, 0)
    _, others = jax.lax.scan(step, kept, chunks)
    others = jnp.moveaxis(others, 0, 1)
    return jnp.concatenate([first, others.reshape(B, -1, *others.shape[3:])], axis=1)
