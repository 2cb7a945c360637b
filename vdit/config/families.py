"""Networks beside the transformers of `LAYOUTS`, as `model.attention` names them. No JAX here.

To add one: a line here, a file of `vdit/config` that counts it, and one of `vdit/models` with it.
"""

import importlib
import types
from typing import NamedTuple


class Family(NamedTuple):
    """`counts` is a module of `vdit.config` that has, of a `ModelConfig` c,

    body_flops(c)        FLOPs of a forward pass for one clip, between patches in and patches out
    body_params(c)       the weights of it: {"plain": n, "modulation": n, "end": n}
    activation_bytes(c)  what a training step saves of one clip (`vdit.config.activations`)

    `network` a module of `vdit.models`, `model` its class: called as `vdit.models.dit.VideoDiT` is.
    """

    counts: str
    network: str
    model: str


FAMILIES = {
    "unet": Family("unet_flops", "unet3d", "VideoUNet"),
}


def counts(name: str) -> types.ModuleType:
    """What counts a family's networks."""
    return importlib.import_module(f"vdit.config.{FAMILIES[name].counts}")
