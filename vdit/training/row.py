"""The row of the results table that a step of a run is, as far as its config fixes it."""

import pathlib
import subprocess
from typing import Any

import jax
from ml_collections import ConfigDict

from vdit.config import mixture
from vdit.config.fingerprint import fingerprint
from vdit.parallel import cores
from vdit.training.optimizer import learning_rates


def row_of(config: ConfigDict, step: int) -> dict[str, Any]:
    """Columns of the checkpoint of a step; all but those of model and data, which a task knows.

    `annealed` says whether the schedule ended there: before its end a run is no point of a law.
    """
    name = fingerprint(config)
    rates = learning_rates(config.optimizer, config.steps)
    last = float(rates[step - 1])
    return {
        "run_id": name,
        "fingerprint": name,
        "trunk": config.get("trunk", {}).get("run", "") or name,
        "sweep": config.sweep.name,
        "experiment": config.experiment,
        "objective": config.objective,
        "commit": commit(),
        "seed": config.seed,
        "size": config.model.size if "model" in config else "",
        "variant": mixture.variant_of(config) if "model" in config else "",
        "steps": step,
        "batch": config.batch,
        "lr": config.optimizer.lr,
        "parameterization": config.optimizer.parameterization,
        "lr_final": last,
        "schedule": config.optimizer.schedule,
        "annealed": bool(step == config.steps and last < rates.max()),
        "flops_budget": config.flops_budget,
        "compute_dtype": config.get("compute_dtype", ""),
        "device": jax.devices()[0].device_kind,
        "num_devices": 1 if cores.are_devices() else jax.device_count(),
        "jax_version": jax.__version__,
    }


def commit() -> str:
    """The commit of the code, with + where the tree differs from it; empty outside git."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
        cwd=pathlib.Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()
