"""A trained autoencoder, ready for use: videos to latents and back.

A coder has a `name`, a `fingerprint` of its weights, `encode`, `decode`, and `psnr(source)`, its
PSNR in dB on held-out clips, or None where nothing is lost.
"""

import functools
import json
import pathlib

import numpy as np
from ml_collections import ConfigDict

from vdit.autoencoders.pixels import decode, encode, to_float, to_uint8
from vdit.config.sizes import PUBLISHED, image_latents
from vdit.errors import InputError
from vdit.runs import checkpoint


class IdentityAutoencoder:
    """Pixels are the latents: training in pixel space."""

    name = fingerprint = "identity"

    def psnr(self, source) -> None:
        """Nothing is lost."""

    def encode(self, video: np.ndarray) -> np.ndarray:
        """uint8 (B, T, H, W, 3) to float32 in [-1, 1]."""
        return to_float(video)

    def decode(self, latent) -> np.ndarray:
        """Latents to uint8 (B, T, H, W, 3)."""
        return to_uint8(np.asarray(latent))


class TrainedAutoencoder:
    """The autoencoder of a finished run folder; its fingerprint is a hash of config and weights."""

    def __init__(self, folder: pathlib.Path):
        from vdit.training.autoencoder_task import AutoencoderTask, graph_of

        result = read_result(folder)
        self.name, self._psnr = result["autoencoder"], result["psnr"]
        self.fingerprint = result["weights"]
        config = ConfigDict(json.loads((folder / "config.json").read_text()))
        task = AutoencoderTask(config)
        self._graph = graph_of(task.init)
        self._params = checkpoint.read_weights(folder, task.init)["ema"]

    def encode(self, video: np.ndarray) -> np.ndarray:
        """uint8 (B, T, H, W, 3) to float32 latents (the mean of the posterior)."""
        return np.asarray(encode(self._graph, self._params, video))

    def decode(self, latent) -> np.ndarray:
        """Latents to uint8 (B, T, H, W, 3)."""
        return np.asarray(decode(self._graph, self._params, latent))

    def psnr(self, source) -> float:
        """As measured when it was trained."""
        return self._psnr


def read_result(folder: pathlib.Path) -> dict:
    """result.json of a finished run; `InputError` where there is none."""
    path = pathlib.Path(folder) / "result.json"
    if not path.exists():
        raise InputError(f"{folder}: no finished run there (no result.json)")
    return json.loads(path.read_text())


def load_autoencoder(config):
    """The coder that `config.autoencoder` names: `identity`, a published one by its weights (kl,
    taef2), or a trained one by its run folder.
    """
    if config.name == "identity":
        return IdentityAutoencoder()
    if not config.dir:
        what = "weights of a published" if config.name in PUBLISHED else "run folder of a trained"
        raise InputError(f"autoencoder.dir is empty: expected the {what} one")
    if config.name in PUBLISHED:
        from vdit.autoencoders.image import ImageAutoencoder

        return _load(ImageAutoencoder, config.name, str(config.dir), *image_latents(config))
    return _load(TrainedAutoencoder, pathlib.Path(config.dir))


@functools.lru_cache(maxsize=4)
def _load(kind, *args):
    return kind(*args)
