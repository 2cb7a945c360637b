"""What can be learned by the one training loop: to denoise latents, to code videos, to caption."""

import pathlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import jax
import numpy as np
from flax import nnx
from ml_collections import ConfigDict

from vdit import diffusion
from vdit.config.model_config import CAPTIONER
from vdit.data.pipeline import Stream
from vdit.errors import InputError

DIFFUSION = diffusion.names()


class Task(Protocol):
    """What the loop asks of a task.

    `records` are the rows for the pipeline, `beside` those of other shapes. `init(key) ->
    weights` and `loss` are frozen dataclasses: equal runs share compiled programs.
    `loss.draw(batch, key)` is the batch with all that is random, `loss(weights, drawn) -> (loss,
    metrics)` a mean over any part of its clips;
    `loss.tokens(drawn)` are those of a clip, or None (`vdit.parallel.cores.parts`).
    `flops_per_clip` is the mean of a batch's places, where its kinds differ.
    """

    records: Any
    beside: Sequence[Stream]
    init: Callable[[jax.Array], nnx.State]
    loss: Callable[..., tuple[jax.Array, dict]]
    flops_per_clip: float

    def begin(self, workdir: pathlib.Path) -> None:
        """Writes what a checkpoint needs beside its weights to be used without this task."""

    def init_from(self, weights: nnx.State) -> nnx.State:
        """The weights of step 0: the fresh ones, or others in their places."""

    def preview(self, weights: nnx.State, step: int | str, workdir: pathlib.Path) -> np.ndarray:
        """Videos (B, T, H, W, 3) uint8 to look at, written to `workdir` too."""

    def evaluate(self, state: Any, step: int, workdir: pathlib.Path) -> dict[str, Any]:
        """Measures the weights of a step; returns the columns, all that are known of the step."""

    def finish(self, state: Any, workdir: pathlib.Path) -> dict[str, Any]:
        """Writes what a finished run leaves beside its checkpoint; returns columns of its row."""


def make_task(config: ConfigDict) -> Task:
    """The task that a resolved config names by its `objective`."""
    if config.objective == "autoencoder":
        from vdit.training.autoencoder_task import AutoencoderTask

        return AutoencoderTask(config)
    if config.objective in DIFFUSION:
        from vdit.training.diffusion_task import DiffusionTask

        return DiffusionTask(config)
    if config.objective == CAPTIONER:
        from vdit.training.caption_task import CaptionTask

        return CaptionTask(config)
    known = ", ".join((*DIFFUSION, "autoencoder", CAPTIONER))
    raise InputError(f"objective={config.objective!r}: expected one of {known}")
