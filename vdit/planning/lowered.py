"""The real training step, lowered and compiled for simulated devices: no weight is ever made.

What a compiler for CPUs says of shardings and argument bytes holds on GPUs too; of collectives and
temporary memory it does not (bodies of loops are counted once, bfloat16 travels as float32).
"""

import os
import re
import sys
import time
from typing import TYPE_CHECKING

from vdit.errors import InputError
from vdit.planning import cost_model
from vdit.planning.job import Job

if TYPE_CHECKING:  # JAX starts with as many devices as `simulate` asks for, so later
    import jax

MOST = 512  # simulated devices
FLAG = "--xla_force_host_platform_device_count"


def compare(job: Job) -> dict:
    """Bytes of state and batch on each device: the compiled step's, and the formula's."""
    began = time.perf_counter()
    found = argument_bytes(job)
    formula = cost_model.argument_bytes(job)
    return {
        "argument_bytes": found,
        "formula_bytes": round(formula),
        "ratio": found / formula,
        "seconds": time.perf_counter() - began,
    }


def simulate(devices: int) -> None:
    """Sets the number of simulated devices, which is read when JAX starts."""
    if devices > MOST:
        raise InputError(f"--compile with {devices} devices: expected at most {MOST}")
    if "jax" in sys.modules:
        return
    others = re.sub(rf"{FLAG}=\d+", "", os.environ.get("XLA_FLAGS", ""))
    os.environ["XLA_FLAGS"] = f"{others} {FLAG}={devices}".strip()
    os.environ["JAX_PLATFORMS"] = "cpu"


def argument_bytes(job: Job) -> int:
    """Of the compiled step of `vdit.training.step`, on each device of `job.mesh`."""
    return compiled(job).memory_analysis().argument_size_in_bytes


def compiled(job: Job) -> "jax.stages.Compiled":
    """The training step of `vdit.training.step` for `job.mesh`, on as many simulated devices.

    It never runs, so it is compiled as `init` is: a third of the time, and the same arguments.
    """
    from vdit.parallel.compiler import compiler_options

    return lowered(job).compile(compiler_options("init"))


def lowered(job: Job) -> "jax.stages.Lowered":
    """The same before XLA's compiler has seen it."""
    simulate(job.devices)
    import jax

    from vdit.diffusion.flow import RectifiedFlow
    from vdit.parallel import sharding
    from vdit.training import step
    from vdit.training.diffusion_loss import DiffusionLoss, Init
    from vdit.training.optimizer import OptimizerConfig

    mesh = sharding.make_mesh(job.mesh, job.batch, jax.devices()[: job.devices])
    loss, init = DiffusionLoss(job.model, RectifiedFlow(), 0.1), Init(job.model)
    with jax.set_mesh(mesh):
        create, train_step = step.compiled(loss, init, OptimizerConfig(), mesh)
        state = jax.eval_shape(create, jax.random.key(0))
        return train_step.lower(state, _batch(job), 1e-3, 0.99)


def _batch(job: Job) -> dict:
    import jax
    import jax.numpy as jnp

    model = job.model
    latent = jax.ShapeDtypeStruct((job.batch, *model.latent), jnp.float32)
    return {
        "latent": latent,
        "caption": jax.ShapeDtypeStruct((job.batch, model.text_length), jnp.int32),
    }
