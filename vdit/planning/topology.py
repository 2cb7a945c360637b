"""The devices that a step is compiled for and never runs on: GPUs by their description, or CPUs.

XLA compiles for a GPU that is not there when it is told of it (`vdit/config/gpus`), where JAX's
CUDA plugin is installed. Elsewhere so many CPU devices are simulated.
"""

import importlib.util
import math
import os
import pathlib
import re
import sys
from typing import TYPE_CHECKING

from vdit.config.devices import NODE, Device
from vdit.errors import InputError

if TYPE_CHECKING:  # JAX starts with as many devices as `simulate` asks for, so later
    import jax

MOST = 512  # devices
FLAG = "--xla_force_host_platform_device_count"
GPUS = pathlib.Path(__file__).parents[1] / "config" / "gpus"
PLUGIN = "jax_cuda13_plugin"
WANTED = (
    "peak memory, traffic, kernels and collectives of a GPU: expected Python 3.12 or newer with "
    "pip install 'vdit[gpu]', and --device h100 or h200"
)


def is_described(device: Device | None) -> bool:
    """Whether this interpreter compiles for the device: its description and JAX's plugin exist."""
    return device is not None and description(device).exists() and has_plugin()


def description(device: Device) -> pathlib.Path:
    """Where XLA's description of a GPU lies, if there is one."""
    return GPUS / f"{device.name}.txtpb"


def devices(device: Device | None, count: int) -> "list[jax.Device]":
    """So many of a device that is not there, on nodes of 8; or simulated ones."""
    simulate(count)
    import jax

    if not is_described(device):
        return jax.devices()[:count]
    from jax.experimental import topologies

    near = math.gcd(count, NODE)
    asked = {"topology": f"1x{count // near}x{near}"}  # slices, nodes, devices of a node
    asked["target_config"] = description(device).read_text()
    return topologies.get_topology_desc(platform="cuda", **asked).devices


def simulate(count: int) -> None:
    """Sets the number of simulated devices, which is read when JAX starts."""
    if count > MOST:
        raise InputError(f"--compile with {count} devices: expected at most {MOST}")
    if "jax" in sys.modules:
        return
    others = re.sub(rf"{FLAG}=\d+", "", os.environ.get("XLA_FLAGS", ""))
    os.environ["XLA_FLAGS"] = f"{others} {FLAG}={count}".strip()
    os.environ["JAX_PLATFORMS"] = "cpu"


def has_plugin() -> bool:
    """Whether this interpreter's JAX can compile for GPUs."""
    return importlib.util.find_spec(PLUGIN) is not None
