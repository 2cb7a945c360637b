"""Learning to generate videos: diffusion on cached latents."""

import functools
import json
import pathlib
import sys
from typing import Any

import numpy as np
from flax import nnx
from ml_collections import ConfigDict

from vdit.config import mixture
from vdit.config.flops import mean_training_flops
from vdit.data.beside import streams
from vdit.data.cache import Records
from vdit.data.sources import open_source
from vdit.diffusion import objectives
from vdit.evaluators import losses
from vdit.generator import BATCH
from vdit.parallel import processes
from vdit.runs import evaluations
from vdit.training import init_from
from vdit.training.diffusion_loss import DiffusionLoss
from vdit.training.latent_task import LatentTask
from vdit.training.step import TrainState


class DiffusionTask(LatentTask):
    """A generator of videos."""

    measured_by = "losses"

    def __init__(self, config: ConfigDict):
        super().__init__(config)
        self.records = Records(self.folder, "train")
        objective, how = self.generator.objective, self.generator.sampling
        objectives.check(objective, how.method)
        objective.path(how.steps)  # a number of steps that it has not is found before training
        if self.generator.null and self._is_asked_for_more_captions():
            self.generator.vocabulary.check()  # found missing now
        dropped, given = config.model.drop_caption, config.model.given
        self.loss = DiffusionLoss(self.model, objective, dropped, given, self.generator.null)
        self.beside = streams(config, self.model, self.records)
        self.flops_per_clip = mean_training_flops(config, self.model)

    def _is_asked_for_more_captions(self) -> bool:
        """Whether evaluators ask for clips whose captions nobody embedded: those of the embedded
        world that test physics, or those of another set."""
        asked = evaluations.evaluators_of(self.config)
        found = {name: options for name, options in asked.items() if options.get("clips")}
        if found.get("shapes", {}).get("dir"):
            return True
        makes = "physics" in found and self.model.frame_timesteps
        return makes and self.records.meta["dataset"] == "worlds"

    def begin(self, workdir: pathlib.Path) -> None:
        """The generator without weights, and what is trained on beside its own shape."""
        super().begin(workdir)
        if self.beside and processes.is_first():
            print(mixture.described(self.config, self.model), file=sys.stderr, flush=True)

    def init_from(self, weights: nnx.State) -> nnx.State:
        """Fresh ones, or with those of `config.init` in their places."""
        if not self.config.init:
            return weights
        init_from.check_encoder(self.config.init, self.generator.vocabulary)
        source = init_from.load(self.config.init, self.model.heads)
        weights, left_out = init_from.transfer(source, self.model, weights)
        print(f"{self.config.init}: {left_out}", file=sys.stderr) if left_out else None
        return weights

    def preview(self, weights: nnx.State, step: int | str, workdir: pathlib.Path) -> np.ndarray:
        """The same few captions and noises at every step and in every run, as files to look at."""
        rows = self.validation.rows(self._previewed)
        model = self.generator.with_weights(weights, weights)
        videos = model.sample(rows["caption"], self.config.data.seed, batch=BATCH)
        self.write(workdir, step, videos)
        return videos

    @functools.cached_property
    def _previewed(self) -> np.ndarray:
        """Places of held-out clips, evenly spread; of a set where few have captions, of those."""
        source = open_source(self.config.data, "validation")
        texts = source.captions() if hasattr(source, "captions") else []
        there = [i for i, text in enumerate(texts) if text.strip()] or range(len(self.validation))
        spread = np.linspace(0, len(there) - 1, self.config.sampling.count).astype(int)
        return np.asarray(there)[spread]

    def finish(self, state: TrainState, workdir: pathlib.Path) -> dict[str, Any]:
        """The generator with its weights, pictures, and the loss on training clips."""
        super().finish(state, workdir)
        self._show_real(workdir)
        fixed = self.config.validation
        t = losses.timesteps(fixed.triples)
        model = self.generator.with_weights(state.params, state.ema, self.config.steps)
        of = model, self.config, self.records, t, fixed.seed, "ema"
        on_training = losses.mean_over_buckets(self.config, losses.losses_by_bucket(*of))
        return {"loss_train": float(on_training.mean()), "remat": self.model.remat}

    def _show_real(self, workdir: pathlib.Path) -> None:
        source = open_source(self.config.data, "validation")
        items = [source[int(i)] for i in self._previewed]
        self.write(workdir, "real", np.stack([item["video"] for item in items]))
        captions = {"captions": [x["caption"] for x in items]}
        (workdir / "samples" / "samples.json").write_text(json.dumps(captions))
