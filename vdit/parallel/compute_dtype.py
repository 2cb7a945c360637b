"""What a model computes in where `model.dtype` is auto: what this process's devices are for."""

import jax
from ml_collections import ConfigDict

AMPERE = 8  # the compute capability from which on a GPU multiplies in bfloat16


def compute_dtype(asked: str) -> str:
    """`asked`, or for `auto` bfloat16 on a TPU and a GPU that computes in it, else float32."""
    return _of_device(jax.devices()[0]) if asked == "auto" else asked


def decided(config: ConfigDict) -> ConfigDict:
    """A copy whose `compute_dtype` is what its run computes in: as recorded, else as here.

    The process that begins a run decides, and its config.json says so: all its steps are of one
    kind, and so are its losses, wherever they are measured later.
    """
    made = config.copy_and_resolve_references()
    if "model" in made and not made.get("compute_dtype"):
        with made.unlocked():
            made.compute_dtype = compute_dtype(made.model.dtype)
    return made


def _of_device(device: jax.Device) -> str:
    if device.platform == "gpu":
        major = device.compute_capability.partition(".")[0]
        return "bfloat16" if major.isdecimal() and int(major) >= AMPERE else "float32"
    return "bfloat16" if device.platform == "tpu" else "float32"
