"""A published autoencoder as it is used: its weights by name, what is coded at once, its files."""

import abc
import pathlib
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from flax import nnx

from vdit.autoencoders import published
from vdit.autoencoders.layout import Weights, to_stored
from vdit.autoencoders.pixels import psnr
from vdit.errors import InputError
from vdit.runs.files import whole_file, write_json

FILE, WEIGHTS = "autoencoder.json", "weights.npz"
MEASURED = 64  # clips that the PSNR is measured on


class FrozenAutoencoder(abc.ABC):
    """One by `vdit.autoencoders.published`; the fingerprint is one of its files.

    Latents are the posterior's mean as that library gives it: statistics of the training set, not
    of the file, bring them to zero mean and unit variance (`vdit.data.statistics`).
    """

    measured_frames: int | None = None  # of each clip, by the PSNR; None: all

    def __init__(self, name: str, fingerprint: str, weights: Weights, settings: dict[str, Any]):
        self.name, self.fingerprint, self._settings = name, fingerprint, settings
        self._graph, self._params = published.from_stored(name, weights, settings)
        model = self.model
        self.time, self.space, self.channels = model.time, model.space, model.channels

    @classmethod
    def of_files(cls, name: str, path: str, space: int, channels: int, time: int = 1) -> Self:
        """By the place of the published files; `InputError` unless they are of that shape."""
        fingerprint = published.fingerprint(name, path)
        made = cls(name, fingerprint, *published.read_stored(name, path))
        if (made.time, made.space, made.channels) != (time, space, channels):
            raise InputError(
                f"autoencoder.dir={path}: time={made.time}, space={made.space}, channels="
                f"{made.channels}: the config says time={time}, space={space}, channels={channels}"
            )
        return made

    @classmethod
    def of_saved(cls, folder: pathlib.Path, about: dict[str, Any]) -> Self:
        """What `save` wrote; `about` is what it wrote beside the weights."""
        with np.load(folder / WEIGHTS, allow_pickle=False) as stored:
            return cls(about["name"], about["fingerprint"], dict(stored), about["settings"])

    @property
    def model(self) -> nnx.Module:
        """The network, made anew from its weights."""
        return nnx.merge(self._graph, self._params)

    def stored(self) -> Weights:
        """Its weights under their published names."""
        return to_stored(self._params)

    def save(self, folder: pathlib.Path) -> None:
        """Its weights under their published names, and its settings."""
        with whole_file(folder / WEIGHTS) as part:
            np.savez(part, **self.stored())
        about = {"name": self.name, "fingerprint": self.fingerprint, "settings": self._settings}
        write_json(folder / FILE, about)

    @abc.abstractmethod
    def encode(self, video: np.ndarray) -> np.ndarray:
        """uint8 (B, T, H, W, 3) to float32 latents (B, t, h, w, C), the mean of the posterior."""

    @abc.abstractmethod
    def decode(self, latent: Any) -> np.ndarray:
        """Latents to uint8 (B, T, H, W, 3)."""

    def psnr(self, source: Any) -> float:
        """Measured on up to `MEASURED` clips, or their first frames."""
        count = min(MEASURED, len(source))
        clips = np.stack([source[i]["video"][: self.measured_frames] for i in range(count)])
        return psnr(clips, self.decode(self.encode(clips)))

    def _in_parts(self, f: Callable, x: np.ndarray, size: int) -> np.ndarray:
        """f(graph, params, part) of `size` items at once, by one program for every part."""
        size, out = min(size, len(x)), []
        for i in range(0, len(x), size):
            part = x[i : i + size]
            full = np.resize(part, (size, *part.shape[1:]))
            out.append(np.asarray(f(self._graph, self._params, full))[: len(part)])
        return np.concatenate(out)
