"""A published image autoencoder for videos (see `vdit.autoencoders.published`): frame by frame."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from flax import nnx

from vdit.autoencoders.frozen import FrozenAutoencoder
from vdit.autoencoders.pixels import to_float, to_uint8

FRAMES = 16  # coded at once


class ImageAutoencoder(FrozenAutoencoder):
    """kl or taef2 for every frame of a video by itself."""

    measured_frames = 1

    def encode(self, video: np.ndarray) -> np.ndarray:
        return self._by_frame(_encode, video)

    def decode(self, latent: Any) -> np.ndarray:
        return self._by_frame(_decode, np.asarray(latent))

    def _by_frame(self, f: Callable, x_BTHWC: np.ndarray) -> np.ndarray:
        out = self._in_parts(f, x_BTHWC.reshape(-1, *x_BTHWC.shape[2:]), FRAMES)
        return out.reshape(*x_BTHWC.shape[:2], *out.shape[1:])


@functools.partial(jax.jit, static_argnums=0)
def _encode(graph: nnx.GraphDef, params: nnx.State, frames: np.ndarray) -> jax.Array:
    return nnx.merge(graph, params).encode(to_float(frames))


@functools.partial(jax.jit, static_argnums=0)
def _decode(graph: nnx.GraphDef, params: nnx.State, latents: np.ndarray) -> jax.Array:
    return to_uint8(nnx.merge(graph, params).decode(latents))
