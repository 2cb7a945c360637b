"""Several processes as one run: who they are, whether they mean the same run, who writes.

A process joins the others where Slurm started several tasks in this step, or where these are set:
JAX_COORDINATOR_ADDRESS (host:port of process 0), JAX_NUM_PROCESSES, JAX_PROCESS_ID.
"""

import json
import os
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from vdit.config.fingerprint import differences, identity
from vdit.errors import InputError
from vdit.parallel import cores

VARIABLES = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")


def join(environ: Mapping[str, str] = os.environ) -> None:
    """Joins the processes of this job; one that is alone makes devices of its cores.

    Must be called before anything asks JAX for its devices. Raises `InputError` for variables that
    do not go together.
    """
    # JAX's service would take SIGTERM from `vdit.runs.signals` (findings/), which handles three.
    jax.config.update("jax_enable_preemption_service", False)
    if any(name in environ for name in VARIABLES):
        address, count, index = read_variables(environ)
        jax.distributed.initialize(address, count, index)
    elif int(environ.get("SLURM_STEP_NUM_TASKS", 1)) > 1:
        jax.distributed.initialize()  # JAX asks Slurm itself
    else:
        cores.become_devices()


def read_variables(environ: Mapping[str, str]) -> tuple[str, int, int]:
    """Address, number of processes, number of this one."""
    for name in VARIABLES:
        if name not in environ:
            raise InputError(f"{name} is not set: expected all of {', '.join(VARIABLES)}")
    address, *numbers = (environ[name] for name in VARIABLES)
    if not all(text.isdecimal() for text in numbers) or int(numbers[1]) >= int(numbers[0]):
        raise InputError(
            f"JAX_PROCESS_ID={numbers[1]} of JAX_NUM_PROCESSES={numbers[0]}: expected 0 to one less"
        )
    return address, int(numbers[0]), int(numbers[1])


def is_first() -> bool:
    """Whether this process writes what only one may write."""
    return jax.process_index() == 0


def is_alone() -> bool:
    """Whether this is the run's only process."""
    return jax.process_count() == 1


def check_same_config(config: Any) -> None:
    """Raises `InputError`, in every process, naming one of another config, and the keys."""
    if jax.process_count() == 1:
        return
    configs = [json.loads(text) for text in _all(json.dumps(identity(config)))]
    for i, other in enumerate(configs):
        if changed := differences(configs[0], other):
            raise InputError(
                f"process {i} has another config than process 0; differs in: {'; '.join(changed)}"
            )


def first_says(text: str) -> str:
    """The first process's text, in every process; all must call it."""
    return text if jax.process_count() == 1 else _all(text)[0]


def any_says(flag: bool) -> bool:
    """Whether the flag is set in any process; all must call it."""
    if jax.process_count() == 1:
        return flag
    from jax.experimental.multihost_utils import process_allgather

    return bool(process_allgather(np.int32(flag)).any())


def _all(text: str) -> list[str]:
    """Every process's text, in order."""
    from jax.experimental.multihost_utils import process_allgather

    mine = np.frombuffer(text.encode(), np.uint8)
    lengths = process_allgather(np.int32(len(mine)))
    padded = process_allgather(np.pad(mine, (0, int(lengths.max()) - len(mine))))
    return [bytes(row[:n]).decode() for row, n in zip(padded, lengths, strict=True)]


def wait(name: str) -> None:
    """Goes on when every process is here."""
    if jax.process_count() > 1:
        from jax.experimental.multihost_utils import sync_global_devices

        sync_global_devices(name)


def local(tree: Any) -> Any:
    """The whole of sharded arrays on this process's first device; all processes must call it.

    On that device by name: within a mesh an array that is only made would lie on all of it.
    """
    if jax.process_count() == 1:
        return tree
    from jax.experimental.multihost_utils import process_allgather

    device = jax.local_devices()[0]
    return jax.tree.map(lambda x: jax.device_put(process_allgather(x, tiled=True), device), tree)
