"""Learning to write captions: words of cached latents, from those clips that have a caption."""

import dataclasses
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from ml_collections import ConfigDict

from vdit import evaluators
from vdit.captioning import words
from vdit.config import buckets, mixture, stream
from vdit.config.flops import training_flops
from vdit.config.model_config import ModelConfig
from vdit.data import latents, media
from vdit.data.cache import Records
from vdit.data.captions import Captioned
from vdit.data.sources import open_source
from vdit.errors import InputError
from vdit.evaluators.common import EvaluationData
from vdit.generator import FOLDER
from vdit.models import dit
from vdit.models.captioner import ANY, LONG, SHORT
from vdit.parallel import processes
from vdit.runs import evaluations
from vdit.runs.files import write_json
from vdit.training import evaluation, mup, recomputation
from vdit.training.diffusion_loss import Init
from vdit.training.step import TrainState
from vdit.training.untrained import generator_of


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


class CaptionTask:
    """See `vdit.training.tasks.Task`; builds the latent cache first where it does not exist."""

    def __init__(self, config: ConfigDict):
        _check(config)
        folder = latents.prepare(config)
        self.config, self.beside = config, ()
        self.records = Captioned(Records(folder, "train"))
        self.validation = Captioned(Records(folder, "validation"))
        self.generator = generator_of(config, self.validation.meta)
        self.model = recomputation.decided(self.generator.config, config)
        for name, options in evaluations.evaluators_of(config).items():
            evaluators.find(name, options)  # a wrong one is found before training
        self.init = Init(self.model, mup.relative_width(config))
        self.loss = CaptionLoss(self.model, self.records.median)
        self.flops_per_clip = training_flops(self.model)

    def begin(self, workdir: pathlib.Path) -> None:
        """All of the captioner but its weights."""
        if processes.is_first():
            self.generator.save(workdir / FOLDER)

    def init_from(self, weights: nnx.State) -> nnx.State:
        """Fresh ones."""
        return weights

    def preview(self, weights: nnx.State, step: int | str, workdir: pathlib.Path) -> np.ndarray:
        """The same few held-out clips at every step, and what is written of them."""
        source, count = open_source(self.config.data, "validation"), self.config.sampling.count
        shown = self.validation.places[:count]
        items = [source[int(i)] for i in shown]
        videos = np.stack([item["video"] for item in items])
        model = self.generator.with_weights(weights, weights)
        rows = self.validation.rows(np.arange(len(shown)))
        written, confidence = words.write(model, rows["latent"])
        name = step if isinstance(step, str) else f"step_{step:06d}"
        media.write_all(workdir / "samples", name, videos, self.generator.fps)
        given = [item["caption"] for item in items]
        about = {"written": written, "confidence": confidence.tolist(), "given": given}
        write_json(workdir / "samples" / f"{name}.json", about)
        return videos

    def evaluate(self, state: TrainState, step: int, workdir: pathlib.Path) -> dict[str, Any]:
        """By the config's evaluators; the columns of the step's row, those of `captions` in it."""
        model = self.generator.with_weights(state.params, state.ema, step)
        data = EvaluationData(self.config, self.validation.records, workdir, step)
        asked = {"captions": {}} | evaluations.evaluators_of(self.config)
        found = evaluation.evaluate(model, data, asked)
        records = found["evaluators"]["captions"]["records"]
        return found["row"] | evaluations.columns([evaluations.Record(**r) for r in records])

    def finish(self, state: TrainState, workdir: pathlib.Path) -> dict[str, Any]:
        """The captioner with its weights, and what it writes of a few clips."""
        model = self.generator.with_weights(state.params, state.ema, self.config.steps)
        model.save_weights(workdir / FOLDER)
        self.preview(state.ema, "final", workdir)
        return {"captioned_clips": len(self.records)}


def _check(config: ConfigDict) -> None:
    """Raises `InputError` for what a captioner cannot be trained with."""
    wrong = (
        ("data.epochs", stream.epochs_of(config.data), 0, "a captioner has one set"),
        ("data.image_share", mixture.share_of(config.data), 0, "a captioner sees clips"),
        ("buckets", len(buckets.clips_of(config.data)), 0, "a captioner sees clips of one shape"),
        ("data.captions", config.data.get("captions", ""), "", "it learns from given ones"),
        ("init", config.init, "", "a captioner begins with fresh weights"),
        ("mesh.context", config.mesh.context, 1, "its words are not split over devices"),
    )
    for key, found, expected, why in wrong:
        if found != expected:
            raise InputError(f"{key}={found!r}: expected {expected!r}, {why}")
