"""Which activations a GPU's training step keeps, where `model.remat` is left to it. No JAX here."""

import dataclasses

from vdit.config.activations import REMATS
from vdit.config.devices import Device
from vdit.config.model_config import ModelConfig, family_of
from vdit.planning import search
from vdit.planning.job import Job

AUTO = "auto"
LEAST_TRAFFIC = "dots"  # of what needs no formula to fit (analysis/results/gpu_compiled)


def fastest(
    model: ModelConfig, batch: int, mesh: dict[str, int], device: Device | None
) -> ModelConfig:
    """The model under the policy that makes the fastest step that fits, by the formulas.

    Where they do not know the device or the model, what keeps traffic and memory low.
    """
    if device is None or not device.memory or not family_of(model).planned:
        return dataclasses.replace(model, remat=LEAST_TRAFFIC)
    return search.best(search.with_remats(Job(model, batch, mesh, device), REMATS)).model
