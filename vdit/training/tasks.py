"""What can be learned by the one training loop: to denoise latents, to code videos.

A task has: `records` (rows for the pipeline), `init(key) -> weights`, `begin(weights) -> weights`
of step 0, `loss(weights, batch, key) -> (loss, metrics)`, `flops_per_clip`, `preview(weights, step,
workdir) -> videos` and `measure(state, workdir) -> columns`. `init` and `loss` are frozen
dataclasses: equal runs share compiled programs.
"""


def make_task(config):
    """The task that a config names by its `objective`."""
    from vdit.errors import InputError
    from vdit.training.autoencoder_task import AutoencoderTask
    from vdit.training.diffusion_task import VideoTask

    diffusion = dict.fromkeys(("flow", "ddpm", "edm"), VideoTask)
    tasks = diffusion | {"autoencoder": AutoencoderTask}
    if config.objective not in tasks:
        raise InputError(f"objective={config.objective!r}: expected one of {', '.join(tasks)}")
    return tasks[config.objective](config)
