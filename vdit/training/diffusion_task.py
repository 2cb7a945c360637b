"""Learning to generate videos: diffusion on cached latents."""

import json
import pathlib
import sys
from typing import Any

import numpy as np
from flax import nnx
from ml_collections import ConfigDict

from vdit import evaluators
from vdit.config import mixture
from vdit.config.flops import mean_training_flops
from vdit.data import latents, media
from vdit.data.cache import Records
from vdit.data.images import images_of
from vdit.data.sources import open_source
from vdit.diffusion import objectives
from vdit.evaluators import losses
from vdit.evaluators.common import EvaluationData
from vdit.generator import BATCH, FOLDER
from vdit.parallel import processes
from vdit.runs import evaluations
from vdit.training import evaluation, init_from, mup, recomputation
from vdit.training.diffusion_loss import DiffusionLoss, Init
from vdit.training.step import TrainState
from vdit.training.untrained import generator_of


class DiffusionTask:
    """See `vdit.training.tasks.Task`; builds the latent cache first where it does not exist."""

    def __init__(self, config: ConfigDict):
        folder = latents.prepare(config)
        self.config = config
        self.records = Records(folder, "train")
        self.validation = Records(folder, "validation")
        self.generator = generator_of(config, self.records.meta)
        self.model = recomputation.decided(self.generator.config, config)
        objective = self.generator.objective
        how = self.generator.sampling
        objectives.check(objective, how.method)
        objective.path(how.steps)  # a number of steps that it has not is found before training
        for name, options in evaluations.evaluators_of(config).items():
            evaluators.find(name, options)  # a wrong one is found before training
        self.init = Init(self.model, mup.relative_width(config))
        if self.generator.null and self.records.meta["dataset"] == "worlds":
            # Evaluators have it make clips whose captions nobody has embedded: found missing now.
            self.generator.vocabulary.check()
        dropped, given = config.model.drop_caption, config.model.given
        self.loss = DiffusionLoss(self.model, objective, dropped, given, self.generator.null)
        self.images = images_of(config, self.records, self.model.latent[0], folder)
        self.flops_per_clip = mean_training_flops(self.model, mixture.share_of(config.data))

    def begin(self, workdir: pathlib.Path) -> None:
        """The generator without weights: with those of any checkpoint it is whole."""
        if processes.is_first():
            self.generator.save(workdir / FOLDER)

    def init_from(self, weights: nnx.State) -> nnx.State:
        """Fresh ones, or with those of `config.init` in their places."""
        if not self.config.init:
            return weights
        source = init_from.load(self.config.init, self.model.heads)
        weights, left_out = init_from.transfer(source, self.model, weights)
        print(f"{self.config.init}: {left_out}", file=sys.stderr) if left_out else None
        return weights

    def preview(self, weights: nnx.State, step: int | str, workdir: pathlib.Path) -> np.ndarray:
        """The same few captions and noises at every step and in every run, as files to look at."""
        rows = self.validation.rows(self._previewed())
        model = self.generator.with_weights(weights, weights)
        videos = model.sample(rows["caption"], self.config.data.seed, batch=BATCH)
        name = step if isinstance(step, str) else f"step_{step:06d}"
        media.write_all(workdir / "samples", name, videos, self.generator.fps)
        return videos

    def _previewed(self) -> np.ndarray:
        count = self.config.sampling.count
        return np.linspace(0, len(self.validation) - 1, count).astype(int)

    def evaluate(self, state: TrainState, step: int, workdir: pathlib.Path) -> dict[str, Any]:
        """By the config's evaluators; the columns of the step's row, its losses among them."""
        model = self.generator.with_weights(state.params, state.ema, step)
        data = EvaluationData(self.config, self.validation, workdir, step)
        asked = {"losses": {}} | evaluations.evaluators_of(self.config)
        found = evaluation.evaluate(model, data, asked)
        records = found["evaluators"]["losses"]["records"]
        return found["row"] | evaluations.columns([evaluations.Record(**r) for r in records])

    def finish(self, state: TrainState, workdir: pathlib.Path) -> dict[str, Any]:
        """The generator with its weights, pictures, and the loss on training clips."""
        model = self.generator.with_weights(state.params, state.ema, self.config.steps)
        model.save_weights(workdir / FOLDER)
        self.preview(state.ema, "final", workdir)
        self._show_real(workdir)
        fixed = self.config.validation
        t = losses.timesteps(fixed.triples)
        on_training = losses.fixed_set_losses(model, self.records, t, fixed.seed, "ema")
        return {"loss_train": float(on_training.mean()), "remat": self.model.remat}

    def _show_real(self, workdir: pathlib.Path) -> None:
        source = open_source(self.config.data, "validation")
        items = [source[int(i)] for i in self._previewed()]
        videos = np.stack([item["video"] for item in items])
        media.write_all(workdir / "samples", "real", videos, self.generator.fps)
        captions = {"captions": [x["caption"] for x in items]}
        (workdir / "samples" / "samples.json").write_text(json.dumps(captions))
