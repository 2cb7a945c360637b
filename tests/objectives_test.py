"""One loop trains, measures and samples every objective."""

import jax
import pytest

from experiments import base
from tests.tiny import config, trained
from vdit.diffusion import objectives
from vdit.errors import InputError
from vdit.evaluators import losses
from vdit.training.diffusion_task import DiffusionTask

OBJECTIVES = {
    # objective, sampler, what the results table calls it
    "flow": ("flow", "dpm", "flow"),
    "ddpm": ("ddpm", "ancestral", "ddpm-linear-v-learned"),
    "edm": ("edm", "heun", "edm"),
}


def made(tmp_path, objective, method, **more):
    return config(
        tmp_path,
        objective=objective,
        **{
            "ddpm.predicts": "v",
            "ddpm.learned_variance": True,
            "sampling.method": method,
            "optimizer.lr": 5e-3,
            "batch": 4,
            "model.depth": 1,
            **more,
        },
    )


@pytest.mark.parametrize("name", ["ddpm", "edm"])  # the flow's is every other test of the loop
def test_every_objective_learns_and_samples(tmp_path, name):
    objective, method, named = OBJECTIVES[name]
    task = DiffusionTask(made(tmp_path, objective, method))
    fresh = task.init(jax.random.key(0))
    model, t = task.generator.with_weights(fresh, fresh), losses.timesteps(40)
    untrained = losses.fixed_set_losses(model, task.validation, t, 0, "ema").mean()
    row = trained(made(tmp_path, objective, method, steps=60), tmp_path / "run")
    assert row["objective"] == named
    assert row["loss"] < 0.9 * untrained
    samples = sorted((tmp_path / "run" / "samples").glob("final*"))
    assert samples


def test_a_sampler_that_the_objective_has_not_is_named(tmp_path):
    with pytest.raises(
        InputError, match=r"'euler' of ddpm-linear-v-learned: expected ddim, ancestral"
    ):
        DiffusionTask(made(tmp_path, "ddpm", "euler"))
    steps = {"ddpm.spacing": "trailing", "sampling.steps": 7}
    with pytest.raises(InputError, match=r"7 sampling steps .* a divisor of 1000"):
        DiffusionTask(made(tmp_path, "ddpm", "ddim", **steps))


def test_every_objective_has_a_sampler_by_default():
    for objective in OBJECTIVES:
        chosen = base.get_config(f"objective={objective}")
        assert chosen.objective == objective
        assert chosen.sampling.method == {"ddpm": "ddim"}.get(objective, "heun")


def test_guidance_can_be_changed_after_training(tmp_path):
    settings = made(tmp_path, "flow", "euler", **{"sampling.interval": (0.1, 2.0)}).sampling
    own = objectives.sampling_of(settings)
    asked = objectives.changed(own, scale=4.0, steps=3)
    assert (asked.guidance.scale, asked.steps) == (4.0, 3)
    assert (asked.guidance.interval, asked.method) == ((0.1, 2.0), "euler")
    assert objectives.changed(own) == own
