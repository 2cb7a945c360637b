"""An autoencoder ready for use, videos to latents and back, and its files beside a generator."""

import pathlib
from typing import Any, Protocol

import numpy as np
from flax import nnx

from vdit.autoencoders import causal
from vdit.autoencoders.pixels import decode, encode, to_float, to_uint8
from vdit.runs.files import read_json, write_json
from vdit.runs.weights import load_weights, save_weights

FILE, WEIGHTS = "autoencoder.json", "weights.npz"


class Autoencoder(Protocol):
    """Videos uint8 (B, T, H, W, 3) to float32 latents (B, t, h, w, C), and back.

    `fingerprint` is that of its weights. `psnr(source)` is its PSNR in dB on held-out clips, None
    where nothing is lost. `save(folder)` writes all that `read` needs.
    """

    name: str
    fingerprint: str

    def encode(self, video: np.ndarray) -> np.ndarray: ...

    def decode(self, latent: Any) -> np.ndarray: ...

    def psnr(self, source: Any) -> float | None: ...

    def save(self, folder: pathlib.Path) -> None: ...


class IdentityAutoencoder:
    """Pixels are the latents: training in pixel space."""

    name = fingerprint = "identity"

    def psnr(self, source: Any) -> None:
        """Nothing is lost."""

    def encode(self, video: np.ndarray) -> np.ndarray:
        """uint8 (B, T, H, W, 3) to float32 in [-1, 1]."""
        return to_float(video)

    def decode(self, latent: Any) -> np.ndarray:
        """Latents to uint8 (B, T, H, W, 3)."""
        return to_uint8(np.asarray(latent))

    def save(self, folder: pathlib.Path) -> None:
        """There are no weights."""
        write_json(folder / FILE, {"name": self.name})


class CausalVideoAutoencoder:
    """A trained `causal.CausalAutoencoder`; `psnr` is as measured when it was trained."""

    def __init__(self, init: causal.Init, weights: nnx.State, about: dict[str, Any]):
        self.name, self.fingerprint, self._psnr = (about[k] for k in ("title", "weights", "psnr"))
        self._init, self._weights, self._about = init, weights, about
        self._graph = causal.graph_of(init)

    def encode(self, video: np.ndarray) -> np.ndarray:
        """uint8 (B, T, H, W, 3) to float32 latents (the mean of the posterior)."""
        return np.asarray(encode(self._graph, self._weights, video))

    def decode(self, latent: Any) -> np.ndarray:
        """Latents to uint8 (B, T, H, W, 3)."""
        return np.asarray(decode(self._graph, self._weights, latent))

    def psnr(self, source: Any) -> float:
        """As measured when it was trained."""
        return self._psnr

    def save(self, folder: pathlib.Path) -> None:
        """Its config and its weights."""
        save_weights(folder / WEIGHTS, self._weights)
        write_json(folder / FILE, {"name": "causal", "items": dict(self._init.items)} | self._about)


def read(folder: str | pathlib.Path) -> Autoencoder:
    """What an autoencoder's `save` wrote."""
    folder = pathlib.Path(folder)
    about = read_json(folder / FILE, "an autoencoder")
    if about["name"] == "identity":
        return IdentityAutoencoder()
    if about["name"] != "causal":
        return frozen_class(about["name"]).of_saved(folder, about)
    init = causal.Init(tuple(sorted(about["items"].items())))
    return CausalVideoAutoencoder(init, load_weights(folder / WEIGHTS, init.shapes()), about)


def frozen_class(name: str) -> Any:
    """The class of a published autoencoder; imported where one is asked for."""
    if name == "wan":
        from vdit.autoencoders.video import VideoAutoencoder

        return VideoAutoencoder
    from vdit.autoencoders.image import ImageAutoencoder

    return ImageAutoencoder
