"""A published image autoencoder for videos (see `vdit.autoencoders.load`): frame by frame."""

import functools
import pathlib
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from flax import nnx

from vdit.autoencoders import published
from vdit.autoencoders.pixels import psnr, to_float, to_uint8
from vdit.errors import InputError
from vdit.runs.files import whole_file, write_json

FILE, WEIGHTS = "autoencoder.json", "weights.npz"
FRAMES = 16  # coded at once
MEASURED = 64  # clips whose first frame the PSNR is measured on


class ImageAutoencoder:
    """kl or taef2 for every frame of a video by itself; the fingerprint is one of its files."""

    def __init__(
        self, name: str, fingerprint: str, weights: published.Weights, settings: dict[str, Any]
    ):
        self.name, self.fingerprint, self._settings = name, fingerprint, settings
        self._graph, self._params = published.from_stored(name, weights, settings)

    @classmethod
    def of_files(cls, name: str, path: str, space: int, channels: int) -> "ImageAutoencoder":
        """By the place of the published files; `InputError` unless they are of that shape."""
        fingerprint = published.fingerprint(name, path)
        made = cls(name, fingerprint, *published.read_stored(name, path))
        found = nnx.merge(made._graph, made._params)
        if (found.space, found.channels) != (space, channels):
            raise InputError(
                f"autoencoder.dir={path}: space={found.space}, channels={found.channels}: the "
                f"config says space={space}, channels={channels}"
            )
        return made

    @classmethod
    def of_saved(cls, folder: pathlib.Path, about: dict[str, Any]) -> "ImageAutoencoder":
        """What `save` wrote; `about` is what it wrote beside the weights."""
        with np.load(folder / WEIGHTS, allow_pickle=False) as stored:
            return cls(about["name"], about["fingerprint"], dict(stored), about["settings"])

    def encode(self, video: np.ndarray) -> np.ndarray:
        """uint8 (B, T, H, W, 3) to float32 latents (the mean of the posterior)."""
        return self._by_frame(_encode, video)

    def decode(self, latent: Any) -> np.ndarray:
        """Latents to uint8 (B, T, H, W, 3)."""
        return self._by_frame(_decode, np.asarray(latent))

    def psnr(self, source: Any) -> float:
        """Measured on the first frames of up to `MEASURED` clips."""
        clips = [source[i]["video"][:1] for i in range(min(MEASURED, len(source)))]
        return psnr(np.stack(clips), self.decode(self.encode(np.stack(clips))))

    def save(self, folder: pathlib.Path) -> None:
        """Its weights under their published names, and its settings."""
        with whole_file(folder / WEIGHTS) as part:
            np.savez(part, **published.to_stored(self._params))
        about = {"name": self.name, "fingerprint": self.fingerprint, "settings": self._settings}
        write_json(folder / FILE, about)

    def _by_frame(self, f: Callable, x_BTHWC: np.ndarray) -> np.ndarray:
        frames = x_BTHWC.reshape(-1, *x_BTHWC.shape[2:])
        size, out = min(FRAMES, len(frames)), []
        for i in range(0, len(frames), size):
            part = frames[i : i + size]
            full = np.resize(part, (size, *part.shape[1:]))  # one program for every part
            out.append(np.asarray(f(self._graph, self._params, full))[: len(part)])
        out = np.concatenate(out)
        return out.reshape(*x_BTHWC.shape[:2], *out.shape[1:])


@functools.partial(jax.jit, static_argnums=0)
def _encode(graph: nnx.GraphDef, params: nnx.State, frames: np.ndarray) -> jax.Array:
    return nnx.merge(graph, params).encode(to_float(frames))


@functools.partial(jax.jit, static_argnums=0)
def _decode(graph: nnx.GraphDef, params: nnx.State, latents: np.ndarray) -> jax.Array:
    return to_uint8(nnx.merge(graph, params).decode(latents))
