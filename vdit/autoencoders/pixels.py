"""Videos as uint8, as the numbers that models see, and through an autoencoder."""

import functools
from typing import Any

import jax
import numpy as np
from flax import nnx

from vdit.errors import InputError
from vdit.models.causal_conv import COLOURS


def to_float(video: Any) -> Any:
    """uint8 to [-1, 1]."""
    return video.astype(np.float32) / 127.5 - 1


def to_uint8(video: Any) -> Any:
    """[-1, 1] to uint8, rounded."""
    return ((video.clip(-1, 1) + 1) * 127.5 + 0.5).astype(np.uint8)


def check_video(shape: tuple[int, ...], space: int, time: int) -> None:
    """Raises `InputError` for videos (B, T, H, W, C) that a causal autoencoder would cut."""
    _, T, H, W, C = shape
    if (T - 1) % time or T < 1:
        raise InputError(f"{T} frames: expected 1 + a multiple of {time} (autoencoder.time)")
    if H % space or W % space:
        raise InputError(f"frames of {H}x{W}: expected multiples of {space} (autoencoder.space)")
    if C != COLOURS:
        raise InputError(f"{C} colour channels: expected {COLOURS}")


def psnr(videos: np.ndarray, coded: np.ndarray) -> float:
    """10 log10(255^2 / mean squared error) in dB of uint8 videos, over all numbers at once."""
    error = coded.astype(np.float64) - videos
    return float(10 * np.log10(255**2 / np.square(error).mean()))


@functools.partial(jax.jit, static_argnums=0)
def encode(graph: nnx.GraphDef, weights: nnx.State, video: jax.Array) -> jax.Array:
    """The posterior's mean, float32, of uint8 videos."""
    return nnx.merge(graph, weights).encode(to_float(video))[0]


@functools.partial(jax.jit, static_argnums=0)
def decode(graph: nnx.GraphDef, weights: nnx.State, latent: jax.Array) -> jax.Array:
    """uint8 videos of latents."""
    return to_uint8(nnx.merge(graph, weights).decode(latent))
