"""A CPU's cores as devices: a step is split over them as over GPUs.

XLA lets all cores of its one CPU device work on each product, one after another, but most loops
between them are too small to be shared. As devices of their own the cores work on clips of their
own. What that gains is in analysis/results/bench_step.
"""

import contextlib
import math
import os
from collections.abc import Mapping

import jax

from vdit.parallel.sharding import platform

WORK = 0.09e9  # FLOPs of a step, for each core, below which waiting for each other costs more
TOKENS = 192  # of clips, whose activations stay in a core's own cache
NUMBER = "jax_num_cpu_devices"


def become_devices() -> None:
    """Makes each core a device; before anything asks JAX for its devices.

    Does nothing where XLA_FLAGS or JAX_NUM_CPU_DEVICES say how many there are, or JAX has them.
    """
    simulated = "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", "")
    if not simulated and getattr(jax.config, NUMBER) < 0:
        with contextlib.suppress(RuntimeError):  # asked already: they stay as they are
            jax.config.update(NUMBER, _count())


def are_devices() -> bool:
    """Whether JAX's devices are the cores of one CPU."""
    return jax.default_backend() == "cpu" and getattr(jax.config, NUMBER) > 0


def devices(
    mesh: Mapping[str, int], batch: int, flops: float, accumulate: int = 1
) -> list[jax.Device]:
    """Those that a step of so many FLOPs is to run on: all, but of cores as many as it keeps busy.

    A mesh that says how many it takes is given these.
    """
    found = jax.devices()
    if not are_devices():
        return found
    asked = math.prod(mesh.values())
    if asked >= 0:
        return found[:asked]
    counts = range(-asked, len(found) + 1, -asked)
    fit = [n for n in counts if batch % (n * accumulate) == 0 and n * WORK <= flops]
    return found[: max(fit, default=-asked)]


def parts(clips: int, tokens: int | None) -> int:
    """Into how many equal parts a CPU's core had better cut so many clips; elsewhere one.

    A part's activations then stay in its cache between the forward and the backward pass. Models
    with convolutions have no `tokens`: in a loop XLA's are slow on a CPU.
    """
    if platform() != "cpu" or tokens is None or not _split() <= {"data"}:
        return 1
    at_once = max(1, TOKENS // tokens)
    return next(n for n in range(1, clips + 1) if clips % n == 0 and clips // n <= at_once)


def share_a_step() -> bool:
    """Whether the mesh that is set splits clips, and nothing else, between devices of a CPU."""
    return platform() == "cpu" and _split() == {"data"}


def _split() -> set[str]:
    """The axes along which the mesh that is set splits anything."""
    return {axis for axis, n in jax.sharding.get_abstract_mesh().shape.items() if n > 1}


def _count() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
