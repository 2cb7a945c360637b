"""Checkpoints through Orbax: the training state and the place in the data, all or nothing."""

import contextlib
import logging
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import jax
from orbax.checkpoint.experimental import v1 as ocp

from vdit.config import versions
from vdit.errors import InputError
from vdit.runs.folder import CHECKPOINTS, read_format, steps_saved
from vdit.runs.weights import name_of

logging.getLogger("absl").setLevel(logging.CRITICAL)  # Orbax logs, traces too, what it raises


@contextlib.contextmanager
def checkpointer(
    workdir: pathlib.Path, keep: int = 1, at: Sequence[int] = ()
) -> Iterator[ocp.training.Checkpointer]:
    """Orbax's checkpointer for a run folder; keeps the latest `keep` checkpoints and those `at`."""
    policies = ocp.training.preservation_policies
    kept = policies.AnyPreservationPolicy([policies.LatestN(keep), policies.CustomSteps(at)])
    with ocp.training.Checkpointer(
        (pathlib.Path(workdir) / CHECKPOINTS).resolve(),
        save_decision_policy=ocp.training.save_decision_policies.FixedIntervalPolicy(1),
        preservation_policy=kept,
        cleanup_tmp_directories=True,
    ) as manager:
        yield manager


def save(manager: ocp.training.Checkpointer, step: int, state: Any, iterator: Any) -> None:
    """Saves: on a CPU waits for it, elsewhere writes in the background what the host has copied.

    A full disk is told at once by the one, by the other at the next save or at the end of the run;
    either way the checkpoint before stays until this one is whole.
    """
    weights, training = _parts(state)
    parts = {"weights": weights, "training": training, "data": iterator}
    if _waits():
        manager.save_checkpointables(step, parts)
    else:
        manager.save_checkpointables_async(step, parts)


def _waits() -> bool:
    """A CPU that writes has no time to train beside it."""
    return jax.default_backend() == "cpu"


def restore(manager: ocp.training.Checkpointer, state: Any, iterator: Any) -> Any:
    """The latest checkpoint, placed as `state` is, and the iterator moved there; None if none."""
    if manager.latest is None:
        return None
    folder = pathlib.Path(manager.directory) / str(manager.latest.step)
    return _restored(folder, state, iterator)


def restore_step(workdir: pathlib.Path, step: int, state: Any, iterator: Any) -> Any:
    """Another run's checkpoint, placed as `state` is, and the iterator moved there."""
    return _restored(_folder(workdir, step), state, iterator)


def _restored(folder: pathlib.Path, state: Any, iterator: Any) -> Any:
    weights, training = (jax.tree.map(_abstract, part) for part in _parts(state))
    names = [name_of(path) for path, _ in jax.tree_util.tree_leaves_with_path(state)]
    stored = _stored_names(folder, names)
    parts = {
        part: {stored[name]: x for name, x in arrays.items()}
        for part, arrays in (("weights", weights), ("training", training))
    }
    loaded = ocp.load_checkpointables(folder, parts | {"data": iterator})
    leaves = loaded["weights"] | loaded["training"]
    return jax.tree.unflatten(jax.tree.structure(state), [leaves[stored[name]] for name in names])


def _stored_names(folder: pathlib.Path, names: Iterable[str]) -> dict[str, str]:
    """What arrays of these names are called in a checkpoint; of older code they may be others."""
    if read_format(folder.parents[1]) > versions.UNMARKED:
        return {name: name for name in names}
    parts = ocp.checkpointables_metadata(folder).metadata
    stored = versions.stored_names({*parts["weights"], *parts["training"]})
    for missing in set(names) - set(stored):
        raise InputError(
            f"{folder}: of older code, without {missing}; at most it can be sampled and evaluated"
        )
    return stored


def read_weights(workdir: pathlib.Path, shapes: Any, step: int | None = None) -> dict[str, Any]:
    """{"params": ..., "ema": ...} of a run's latest (or the named) checkpoint, on one device.

    `shapes` are the abstract weights of the model, as of `jax.eval_shape`.
    """
    folder, shapes = _folder(workdir, step), jax.tree.map(_on_one, shapes)
    both = {"params": shapes, "ema": shapes}
    named = {name_of(p): x for p, x in jax.tree_util.tree_leaves_with_path(both)}
    stored = _stored_names(folder, named)
    renamed = {stored[name]: x for name, x in named.items()}
    loaded = ocp.load_checkpointables(folder, {"weights": renamed})["weights"]
    return jax.tree.unflatten(jax.tree.structure(both), [loaded[stored[name]] for name in named])


def read_arrays(workdir: pathlib.Path, part: str) -> dict[str, Any]:
    """Path to NumPy array of the `params` or `ema` of a run's latest checkpoint, as it lies there.

    For who does not know the shape of the model.
    """
    folder = _folder(workdir, None)
    found = ocp.checkpointables_metadata(folder).metadata["weights"]
    loaded = ocp.load_checkpointables(folder, {"weights": jax.tree.map(_on_one, found)})["weights"]
    start, stored = f"{part}/", versions.stored_names(loaded)
    return {
        today.removeprefix(start): jax.device_get(loaded[name])
        for today, name in stored.items()
        if today.startswith(start)
    }


def _folder(workdir: pathlib.Path, step: int | None) -> pathlib.Path:
    """The checkpoint of a step, or the latest."""
    saved = steps_saved(workdir)
    if not saved or (step is not None and step not in saved):
        wanted = "a checkpoint" if step is None else f"step {step}"
        raise InputError(f"{workdir}: expected {wanted}; there are {saved or 'none'}")
    return pathlib.Path(workdir).resolve() / CHECKPOINTS / str(step or saved[-1])


def _on_one(x):
    one = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    return jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=one)


def _parts(state) -> tuple[dict, dict]:
    """Name to array: the weights, which others read, and the rest, which only a resume needs."""
    named = {name_of(path): x for path, x in jax.tree_util.tree_leaves_with_path(state)}
    weights = {k: v for k, v in named.items() if k.split("/")[0] in ("params", "ema")}
    return weights, {k: v for k, v in named.items() if k not in weights}


def _abstract(x):
    return jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding)
