"""What tasks on cached latents share: a generator, its checkpoints, and what measures them."""

import pathlib
from typing import Any, ClassVar

import numpy as np
from flax import nnx
from ml_collections import ConfigDict

from vdit import evaluators
from vdit.data import latents, media
from vdit.data.cache import Records
from vdit.evaluators.common import EvaluationData
from vdit.generator import FOLDER
from vdit.parallel import processes
from vdit.runs import evaluations
from vdit.training import evaluation, mup, recomputation
from vdit.training.diffusion_loss import Init
from vdit.training.step import TrainState
from vdit.training.untrained import generator_of


class LatentTask:
    """See `vdit.training.tasks.Task`; builds the latent cache first where it does not exist.

    `measured_by` is the evaluator whose records are columns of a run's row.
    """

    measured_by: ClassVar[str]

    def __init__(self, config: ConfigDict):
        self.config, self.folder = config, latents.prepare(config)
        self.validation = Records(self.folder, "validation")
        self.generator = generator_of(config, self.validation.meta)
        self.model = recomputation.decided(self.generator.config, config)
        for name, options in evaluations.evaluators_of(config).items():
            evaluators.find(name, options)  # a wrong one is found before training
        self.init = Init(self.model, mup.relative_width(config))

    def begin(self, workdir: pathlib.Path) -> None:
        """The generator without weights: with those of any checkpoint it is whole."""
        if processes.is_first():
            self.generator.save(workdir / FOLDER)

    def init_from(self, weights: nnx.State) -> nnx.State:
        """Fresh ones."""
        return weights

    def evaluate(self, state: TrainState, step: int, workdir: pathlib.Path) -> dict[str, Any]:
        """By the config's evaluators; the columns of the step's row, `measured_by`'s among them."""
        model = self.generator.with_weights(state.params, state.ema, step)
        data = EvaluationData(self.config, self.validation, workdir, step)
        asked = {self.measured_by: {}} | evaluations.evaluators_of(self.config)
        found = evaluation.evaluate(model, data, asked)
        records = found["evaluators"][self.measured_by]["records"]
        return found["row"] | evaluations.columns([evaluations.Record(**r) for r in records])

    def finish(self, state: TrainState, workdir: pathlib.Path) -> dict[str, Any]:
        """The generator with its weights, and what it makes of a few clips."""
        model = self.generator.with_weights(state.params, state.ema, self.config.steps)
        model.save_weights(workdir / FOLDER)
        self.preview(state.ema, "final", workdir)
        return {}

    def write(self, workdir: pathlib.Path, step: int | str, videos: np.ndarray) -> str:
        """Writes videos to look at; returns the name of their files."""
        name = step if isinstance(step, str) else f"step_{step:06d}"
        media.write_all(workdir / "samples", name, videos, self.generator.fps)
        return name
