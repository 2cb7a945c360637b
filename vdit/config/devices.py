"""The one table of accelerators, from the makers' data sheets, and the axes of meshes of them.

No JAX here.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence

from vdit.errors import InputError

GIB = 2**30
USABLE = 0.92  # of the HBM; the rest is the driver's, NCCL's and lost between buffers
NODE = 8  # GPUs that NVLink joins: HGX and DGX boards of all whose links are known


@dataclasses.dataclass(frozen=True)
class Device:
    """An accelerator; None is what the table does not say of it.

    Rates of links are for one direction: half of what data sheets print for NVLink.
    """

    name: str
    title: str
    kind: str | None  # what `jax.Device.device_kind` calls it
    peak: float  # FLOP/s, dense bfloat16; float32 products run at half of it, in TF32
    source: str
    memory: float | None = None  # bytes of HBM, as XLA finds them: GiB of most data sheets' GB
    bandwidth: float | None = None  # of HBM, bytes/s
    nvlink: float | None = None  # to the other GPUs of its node, bytes/s
    network: float | None = None  # InfiniBand for each GPU, bytes/s

    def flops(self, dtype: str) -> float:
        """FLOP/s at best for products of `dtype`; half precisions are alike."""
        return self.peak / 2 if dtype == "float32" else self.peak


H100 = "NVIDIA H100 data sheet, dense; DGX H100: one ConnectX-7 of 400 Gb/s a GPU"
H200 = "NVIDIA H200 data sheet, dense; DGX H200: one ConnectX-7 of 400 Gb/s a GPU"
A100 = "NVIDIA A100 80GB SXM data sheet, dense; DGX A100: one ConnectX-6 of 200 Gb/s a GPU"
NVIDIA = "NVIDIA data sheet, dense (half the figure with sparsity)"
GOOGLE = "docs.cloud.google.com/tpu/docs, peak compute per chip"
DEVICES = {
    d.name: d
    for d in (
        #      name         title          device_kind              FLOP/s    source
        Device("h100",      "H100 SXM",    "NVIDIA H100 80GB HBM3", 989.5e12, H100,
               memory=84.94e9, bandwidth=3.35e12, nvlink=450e9, network=50e9),
        Device("h200",      "H200 SXM",    "NVIDIA H200",           989.5e12, H200,
               memory=151.4e9, bandwidth=4.8e12, nvlink=450e9, network=50e9),
        Device("a100",      "A100",        "NVIDIA A100-SXM4-80GB", 312e12,   A100,
               memory=85.1e9, bandwidth=2.039e12, nvlink=300e9, network=25e9),
        Device("h100-pcie", "H100 PCIe",   "NVIDIA H100 PCIe",      756e12,   NVIDIA),
        Device("b200",      "B200",        None,                    2250e12,  NVIDIA),
        Device("a100-40gb", "A100 40GB",   "NVIDIA A100-SXM4-40GB", 312e12,   NVIDIA),
        Device("l40s",      "L40S",        "NVIDIA L40S",           362.05e12, NVIDIA),
        Device("v100",      "V100 (fp16)", None,                    125e12,   NVIDIA),
        Device("tpu-v4",    "TPU v4",      None,                    275e12,   GOOGLE),
        Device("tpu-v5e",   "TPU v5e",     None,                    197e12,   GOOGLE),
        Device("tpu-v5p",   "TPU v5p",     None,                    459e12,   GOOGLE),
        Device("tpu-v6e",   "TPU v6e",     None,                    918e12,   GOOGLE),
    )
}  # fmt: skip
# Those that a step can be planned on: memory and links are known.
LINKED = {name: d for name, d in DEVICES.items() if d.memory and d.network}


def device_of(name: str) -> Device:
    """The device by name, with its memory and links; `InputError` lists those there are."""
    if name not in LINKED:
        raise InputError(f"--device {name}: expected one of {', '.join(LINKED)}")
    return LINKED[name]


def by_kind(device_kind: str) -> Device | None:
    """What JAX calls `device_kind`; None where the table does not have it."""
    return next((d for d in DEVICES.values() if d.kind == device_kind), None)


# Axes of a mesh, outermost first: `data` splits the batch; `fsdp` splits the batch and the weights;
# `tensor` splits heads and hidden units; `context` splits the tokens of a clip.
MESH_AXES = ("data", "fsdp", "tensor", "context")

Rule = str | tuple[str, ...] | None
# What splits the axes of an array, by their names.
RULES = {
    "batch": ("data", "fsdp"),
    "tokens": "context",
    "embed": "fsdp",
    "mlp": "tensor",
    "heads": "tensor",
    "layers": None,
    None: None,
}


def split_ways(rule: Rule, mesh: Mapping[str, int]) -> int:
    """Into how many parts a mesh, the sizes of its axes, splits what has this rule."""
    axes = (rule,) if isinstance(rule, str) else rule or ()
    return math.prod(mesh[axis] for axis in axes)


def mesh_rules(
    axes: Sequence[str | None], shape: Sequence[int], mesh: Mapping[str, int]
) -> tuple[Rule, ...]:
    """Of each axis of an array; one whose size does not divide is not split."""
    found = ((RULES[name], size) for name, size in zip(axes, shape, strict=True))
    return tuple(rule if size % split_ways(rule, mesh) == 0 else None for rule, size in found)
