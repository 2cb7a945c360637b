"""Learning to write captions: words of cached latents, from those clips that have a caption."""

import dataclasses
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from ml_collections import ConfigDict

from vdit.captioning import words
from vdit.config import buckets, mixture, stream
from vdit.config.flops import training_flops
from vdit.config.model_config import ModelConfig
from vdit.data.cache import Records
from vdit.data.captions import Captioned
from vdit.data.sources import open_source
from vdit.errors import InputError
from vdit.models import dit
from vdit.models.captioner import ANY, LONG, SHORT
from vdit.runs.files import write_json
from vdit.training.latent_task import LatentTask
from vdit.training.step import TrainState


@dataclasses.dataclass(frozen=True)
class CaptionLoss:
    """-log p of a caption's words, in nats a token. Half of the captions are asked for by their
    length, as longer than `median` tokens or not, so that either can be asked for in writing."""

    config: ModelConfig
    median: int

    def tokens(self, drawn: dict[str, jax.Array]) -> None:
        """Not in parts: a clip has tokens of two kinds."""

    def draw(self, batch: dict[str, jax.Array], key: jax.Array) -> dict[str, jax.Array]:
        """The batch with the token that each caption starts with."""
        is_long_B = (batch["caption"] != 0).sum(-1) > self.median
        asked_B = jax.random.bernoulli(key, 0.5, is_long_B.shape)
        return batch | {"start": jnp.where(asked_B, jnp.where(is_long_B, LONG, SHORT), ANY)}

    def __call__(
        self, weights: nnx.State, drawn: dict[str, jax.Array]
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """A mean over clips, and no further metrics."""
        model = nnx.merge(dit.graph_of(self.config), weights)
        logits_BSV = model(drawn["latent"], drawn["start"], drawn["caption"])
        return words.nats_per_token(logits_BSV, drawn["caption"]).mean(), {}


class CaptionTask(LatentTask):
    """A captioner, of those clips that have a caption."""

    measured_by, beside = "captions", ()

    def __init__(self, config: ConfigDict):
        _check(config)
        super().__init__(config)
        self.records = Captioned(Records(self.folder, "train"))
        self.captioned = Captioned(self.validation)
        self.loss = CaptionLoss(self.model, self.records.median)
        self.flops_per_clip = training_flops(self.model)

    def preview(self, weights: nnx.State, step: int | str, workdir: pathlib.Path) -> np.ndarray:
        """The same few held-out clips at every step, and what is written of them."""
        source, count = open_source(self.config.data, "validation"), self.config.sampling.count
        items = [source[int(i)] for i in self.captioned.places[:count]]
        videos = np.stack([item["video"] for item in items])
        model = self.generator.with_weights(weights, weights)
        rows = self.captioned.rows(np.arange(len(items)))
        written, confidence = words.write(model, rows["latent"])
        given = [item["caption"] for item in items]
        about = {"written": written, "confidence": confidence.tolist(), "given": given}
        name = self.write(workdir, step, videos)
        write_json(workdir / "samples" / f"{name}.json", about)
        return videos

    def finish(self, state: TrainState, workdir: pathlib.Path) -> dict[str, Any]:
        """The captioner with its weights, and what it writes of a few clips."""
        return super().finish(state, workdir) | {"captioned_clips": len(self.records)}


def _check(config: ConfigDict) -> None:
    """Raises `InputError` for what a captioner cannot be trained with."""
    wrong = (
        ("data.epochs", stream.epochs_of(config.data), 0, "a captioner has one set"),
        ("data.image_share", mixture.share_of(config.data), 0, "a captioner sees clips"),
        ("buckets", len(buckets.clips_of(config.data)), 0, "a captioner sees clips of one shape"),
        ("data.captions", config.data.get("captions", ""), "", "it learns from given ones"),
        ("data.embeddings", config.data.get("embeddings", ""), "", "a captioner writes words"),
        ("init", config.init, "", "a captioner begins with fresh weights"),
        ("mesh.context", config.mesh.context, 1, "its words are not split over devices"),
    )
    for key, found, expected, why in wrong:
        if found != expected:
            raise InputError(f"{key}={found!r}: expected {expected!r}, {why}")
