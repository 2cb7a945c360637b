"""A run that begins in another: its trunk, whose checkpoints branch into short decays.

With warm-up-stable-decay (2405.18392) no step before the decay knows how long the run will be, so
runs of many lengths can share them. A branch has `trunk.run` and `trunk.step`: the folder beside
its own, and the step where it leaves. It ends as a run of its config from step 0 would, to the bit.
"""

import pathlib
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from vdit.config.fingerprint import differences
from vdit.errors import InputError
from vdit.runs import checkpoint
from vdit.runs.folder import CONFIG, find, read_config
from vdit.training.optimizer import learning_rates

# What a trunk and its branch may differ in. `learning_rates` compares the schedules themselves.
FREE = {"steps", "flops_budget", "trunk.run", "trunk.step", "checkpoint_at"}
FREE |= {"optimizer.warmup", "optimizer.decay", "evaluation.clips"}
# What reading a folder that is no longer there ends in, ours (`InputError`), Orbax's or XLA's.
UNREADABLE = (OSError, ValueError, KeyError, RuntimeError)


def restore(config: ConfigDict, workdir: pathlib.Path, state: Any, data: Any) -> Any:
    """The trunk's state where the run leaves it, and `data` moved there; None without a trunk.

    Raises `InputError` for a trunk that is not the beginning of this run.
    """
    name, step = (config.get("trunk", {}).get(key) for key in ("run", "step"))
    if not name:
        return None
    place = pathlib.Path(workdir).parent / name
    while True:
        folder = find(place)
        if not (folder / CONFIG).exists() and find(place) == folder:
            raise InputError(f"trunk.run={name}: expected that run's folder at {place}")
        try:
            check(read_config(folder), config, step)
            return checkpoint.restore_step(folder, step, state, data, config.verify)
        except UNREADABLE:
            if find(place) == folder:
                raise
            # The trunk was renamed as it was read: its worker is done with it.


def check(trunk: ConfigDict, config: ConfigDict, step: int) -> None:
    """Raises `InputError` unless the trunk's steps are those that the run would have taken."""
    name = config.trunk.run
    if not 0 < step < config.steps:
        raise InputError(f"trunk.step={step}: expected a step from 1 to {config.steps - 1}")
    lines = differences(trunk, config)
    wrong = [line for line in lines if line.partition(":")[0] not in FREE]
    if wrong:
        raise InputError(f"trunk.run={name} is not this run's beginning: {'; '.join(wrong)}")
    before, own = (learning_rates(c.optimizer, c.steps)[:step] for c in (trunk, config))
    if len(before) != len(own) or not np.allclose(before, own, rtol=1e-6):
        raise InputError(f"trunk.run={name} has other learning rates than this run to step {step}")
