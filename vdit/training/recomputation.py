"""What `model.remat` comes to on the devices at hand: decided by the process that trains."""

import dataclasses
import sys

import jax
from ml_collections import ConfigDict

from vdit.config import mixture
from vdit.config.activations import REMATS
from vdit.config.devices import Device, by_kind
from vdit.config.model_config import ModelConfig, family_of
from vdit.parallel import processes, sharding
from vdit.planning import search
from vdit.planning.job import Job

LEAST_TRAFFIC = "dots"  # of what needs no formula to fit (analysis/results/gpu_compiled)


def decided(model: ModelConfig, config: ConfigDict) -> ModelConfig:
    """The model with the policy that its config asks for, or `auto` comes to.

    On a CPU nothing is recomputed; elsewhere the plan's formulas choose. A device that they do not
    know is named, once.
    """
    if config.model.remat != "auto":
        return model
    if jax.default_backend() == "cpu":
        return dataclasses.replace(model, remat="none")
    divisor = mixture.divisor(config)  # the mesh that `loop` trains on
    mesh = sharding.make_mesh(config.mesh, divisor, accumulate=config.accumulate)
    kind = jax.devices()[0].device_kind
    device = by_kind(kind)
    chosen = fastest(model, config.batch // config.accumulate, dict(mesh.shape), device)
    if (device is None or not device.memory) and processes.is_first():
        line = f"model.remat=auto: no plan knows the memory of {kind}; {chosen.remat} is taken"
        print(line, file=sys.stderr)
    return chosen


def fastest(
    model: ModelConfig, batch: int, mesh: dict[str, int], device: Device | None
) -> ModelConfig:
    """The model under the policy that makes the fastest step that fits, by the plan's formulas.

    Where they do not know the device or the model, what keeps traffic and memory low.
    """
    if device is None or not device.memory or not family_of(model).is_planned_on(mesh):
        return dataclasses.replace(model, remat=LEAST_TRAFFIC)
    return search.best(search.with_remats(Job(model, batch, mesh, device), REMATS)).model
