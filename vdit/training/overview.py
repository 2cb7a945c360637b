"""What a run says of itself when it begins."""

import pathlib

import jax
from clu import platform
from clu.parameter_overview import get_parameter_overview
from flax import nnx

from vdit.runs.files import write_text
from vdit.training.tasks import Task


def describe(task: Task, workdir: pathlib.Path) -> None:
    """parameters.txt: every weight's name and shape; and where the run lies, for schedulers."""
    shapes = jax.eval_shape(task.init, jax.random.key(0))
    table = get_parameter_overview(nnx.to_pure_dict(shapes), include_stats=False)
    write_text(workdir / "parameters.txt", table + "\n")
    unit = platform.work_unit()
    unit.set_task_status(f"process {jax.process_index()} of {jax.process_count()}")
    unit.create_artifact(platform.ArtifactType.DIRECTORY, str(workdir), "workdir")
