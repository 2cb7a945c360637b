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

# Pixels that are coded at once: two clips of 4 frames of 256x256, more of smaller ones, then longer
# chunks; larger frames go one clip after another.
PIXELS = 2**19

Step = Callable[[Kept | None, jax.Array], tuple[Kept, jax.Array]]


class VideoAutoencoder(FrozenAutoencoder):
    """wan: `time` frames a latent; the first latent is the first frame's, and prefixes agree."""

    def encode(self, video: np.ndarray) -> np.ndarray:
        check_video(video.shape, self.space, self.time)
        clips, frames, height, width, _ = video.shape
        at_once = self._at_once(clips, 1 + (frames - 1) // self.time, height, width)
        return self._coded(encode_in_chunks, video, *at_once)

    def decode(self, latent: Any) -> np.ndarray:
        clips, latents, height, width, _ = np.shape(latent)
        at_once = self._at_once(clips, latents, self.space * height, self.space * width)
        return self._coded(decode_in_chunks, np.asarray(latent), *at_once)

    def _at_once(self, clips: int, latents: int, height: int, width: int) -> tuple[int, int]:
        """Clips, and latents of a chunk: what divides those behind the first needs one program."""
        fit = max(1, PIXELS // (self.time * height * width))
        clips = min(clips, fit)
        lengths = [n for n in range(1, latents) if (latents - 1) % n == 0 and n * clips <= fit]
        return clips, max(lengths, default=1)

    def _coded(self, f: Callable, x: np.ndarray, clips: int, latents: int) -> np.ndarray:
        return self._in_parts(functools.partial(f, latents=latents), x, clips)


@functools.partial(jax.jit, static_argnames=("graph", "latents"))
def encode_in_chunks(
    graph: nnx.GraphDef, params: nnx.State, video: jax.Array, latents: int
) -> jax.Array:
    """The posterior's mean of uint8 videos (B, T, H, W, 3), so many latents at once."""

    def step(kept: Kept | None, x_BTHWC: jax.Array) -> tuple[Kept, jax.Array]:
        z, kept = nnx.merge(graph, params).encode(to_float(x_BTHWC), kept)
        return kept, z

    return in_chunks(step, video, latents * nnx.merge(graph, params).time)


@functools.partial(jax.jit, static_argnames=("graph", "latents"))
def decode_in_chunks(
    graph: nnx.GraphDef, params: nnx.State, z_BThwC: jax.Array, latents: int
) -> jax.Array:
    """uint8 videos (B, T, H, W, 3) of latents, so many at once."""

    def step(kept: Kept | None, z_BThwC: jax.Array) -> tuple[Kept, jax.Array]:
        x, kept = nnx.merge(graph, params).decode(z_BThwC, kept)
        return kept, to_uint8(x)

    return in_chunks(step, z_BThwC, latents)


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
