"""Learning to code videos: the causal autoencoder that makes the latents."""

import dataclasses
import pathlib
from typing import Any

import jax
import numpy as np
from flax import nnx
from ml_collections import ConfigDict

from vdit.autoencoders import causal, pixels
from vdit.config import mixture, stream
from vdit.data import media
from vdit.data.pipeline import VideoRecords
from vdit.data.sources import fps_of, open_source
from vdit.errors import InputError
from vdit.runs.weights import hash_of
from vdit.training.row import row_of
from vdit.training.step import TrainState

MEASURED, BATCH, SHOWN = 256, 32, 4  # held-out clips for the PSNR, at once, and to look at


@dataclasses.dataclass(frozen=True)
class CodingLoss:
    """Reconstruction and a small pull of the posterior to a unit normal."""

    init: causal.Init
    kl_weight: float

    def tokens(self, drawn: dict[str, jax.Array]) -> None:
        """In parts a step takes eight times as long on a CPU: convolutions in a loop."""

    def draw(self, batch: dict[str, jax.Array], key: jax.Array) -> dict[str, jax.Array]:
        """The batch with the posterior's noise."""
        shape = self.init.latent_shape(batch["video"].shape)
        return batch | {"noise": jax.random.normal(key, shape)}

    def __call__(
        self, weights: nnx.State, drawn: dict[str, jax.Array]
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        model, video = nnx.merge(causal.graph_of(self.init), weights), drawn["video"]
        return causal.loss(model, pixels.to_float(video), drawn["noise"], self.kl_weight)


class AutoencoderTask:
    """See `vdit.training.tasks.Task`."""

    flops_per_clip = 0  # not counted: the law is about the diffusion model's compute

    def __init__(self, config: ConfigDict):
        a = config.autoencoder
        if a.name != "causal":
            raise InputError(f"autoencoder.name={a.name!r}: expected causal, to train one")
        if epochs := stream.epochs_of(config.data):
            raise InputError(f"data.epochs={epochs}: expected 0, an autoencoder has one set")
        if share := mixture.share_of(config.data):
            raise InputError(f"data.image_share={share:g}: expected 0, an autoencoder sees clips")
        self.config = config
        self.records, self.beside = VideoRecords(open_source(config.data, "train")), ()
        self.init = causal.Init.of(a)
        self.loss = CodingLoss(self.init, a.kl_weight)

    def begin(self, workdir: pathlib.Path) -> None:
        """A checkpoint and the config are all of it."""

    def init_from(self, weights: nnx.State) -> nnx.State:
        """Fresh ones."""
        return weights

    def preview(self, weights: nnx.State, step: int | str, workdir: pathlib.Path) -> np.ndarray:
        """Held-out clips above their reconstructions."""
        videos = self._held_out(SHOWN)
        both = np.concatenate([videos, self._reconstructed(weights, videos)], axis=2)
        name = step if isinstance(step, str) else f"step_{step:06d}"
        media.write_all(workdir / "samples", name, both, fps_of(self.config.data))
        return both

    def evaluate(self, state: TrainState, step: int, workdir: pathlib.Path) -> dict[str, Any]:
        """Held-out PSNR in dB, over all pixels of up to 256 clips, and the weights' hash."""
        a, videos = self.config.autoencoder, self._held_out(MEASURED)
        starts = range(0, len(videos), BATCH)
        parts = [self._reconstructed(state.ema, videos[i : i + BATCH]) for i in starts]
        return row_of(self.config, step) | {
            "dataset": open_source(self.config.data, "validation").name,
            "autoencoder": f"causal{a.space}x{a.time}c{a.channels}",
            "weights": hash_of(state.ema),
            "psnr": pixels.psnr(videos, np.concatenate(parts)),
            "params_total": sum(x.size for x in jax.tree.leaves(state.params)),
        }

    def finish(self, state: TrainState, workdir: pathlib.Path) -> dict[str, Any]:
        """Pictures."""
        self.preview(state.ema, "final", workdir)
        return {}

    def _held_out(self, count: int) -> np.ndarray:
        source = open_source(self.config.data, "validation")
        return VideoRecords(source).rows(range(min(count, len(source))))["video"]

    def _reconstructed(self, weights: nnx.State, videos: np.ndarray) -> np.ndarray:
        """Videos through the autoencoder, uint8 (B, T, H, W, 3)."""
        graph = causal.graph_of(self.init)
        return np.asarray(pixels.decode(graph, weights, pixels.encode(graph, weights, videos)))
