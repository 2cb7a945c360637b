"""What `model.remat` comes to on the devices at hand: decided by the process that trains."""

import dataclasses
import sys

import jax
from ml_collections import ConfigDict

from vdit.config.devices import by_kind
from vdit.config.model_config import ModelConfig
from vdit.parallel import processes, sharding
from vdit.planning import remat


def decided(model: ModelConfig, config: ConfigDict) -> ModelConfig:
    """The model with the policy that its config asks for, or `auto` comes to.

    On a CPU nothing is recomputed; elsewhere the plan's formulas choose. A device that they do not
    know is named, once.
    """
    if config.model.remat != remat.AUTO:
        return model
    if jax.default_backend() == "cpu":
        return dataclasses.replace(model, remat="none")
    mesh = sharding.make_mesh(config.mesh, config.batch, accumulate=config.accumulate)
    kind = jax.devices()[0].device_kind
    device = by_kind(kind)
    chosen = remat.fastest(model, config.batch // config.accumulate, dict(mesh.shape), device)
    if device is None or not device.memory:
        _say(f"model.remat=auto: no plan knows the memory of {kind}; {chosen.remat} is taken")
    return chosen


def _say(line: str) -> None:
    if processes.is_first():
        print(line, file=sys.stderr)
