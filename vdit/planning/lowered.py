"""The real training step, lowered and compiled for devices that are not there: no weight is made.

What a compiler for CPUs says of shardings and argument bytes holds on GPUs too; of collectives and
temporary memory it does not (bfloat16 travels as float32).
"""

from typing import TYPE_CHECKING

from vdit.planning import topology
from vdit.planning.job import Job

if TYPE_CHECKING:  # JAX starts with as many devices as `topology.simulate` asks for, so later
    import jax

HASTE = {"xla_backend_optimization_level": 0, "xla_gpu_disable_gpuasm_optimizations": True}


def compiled(job: Job) -> "jax.stages.Compiled":
    """The training step of `vdit.training.step` for `job.mesh`, which never runs: in haste.

    On described GPUs its kernels are those that run there, each compiled at the lowest level; on
    simulated devices it is compiled as `init` is, a third of the time, and has the same arguments.
    """
    step = lowered(job)
    if topology.is_described(job.device):
        return step.compile(HASTE)
    from vdit.parallel.compiler import compiler_options

    return step.compile(compiler_options("init"))


def lowered(job: Job) -> "jax.stages.Lowered":
    """The same before XLA's compiler has seen it."""
    devices = topology.devices(job.device, job.devices)
    import jax

    from vdit.diffusion.flow import RectifiedFlow
    from vdit.parallel import sharding
    from vdit.training import step
    from vdit.training.diffusion_loss import DiffusionLoss, Init
    from vdit.training.optimizer import OptimizerConfig

    mesh = sharding.make_mesh(job.mesh, job.batch, devices)
    loss, init = DiffusionLoss(job.model, RectifiedFlow(), 0.1), Init(job.model)
    with jax.set_mesh(mesh):
        create, train_step = step.compiled(loss, init, OptimizerConfig(), mesh)
        state = jax.eval_shape(create, jax.eval_shape(lambda: jax.random.key(0)))
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
