"""Checkpoints through Orbax: the training state and the place in the data, all or nothing.

Each has the digests of its files (Orbax 0.12 restores flipped bits without a word) and is checked
when it is read; `vdit.runs.checkpointer` writes them.
"""

import logging
import pathlib
import shutil
import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import jax
from orbax.checkpoint.experimental import v1 as ocp

from vdit.config import versions
from vdit.errors import InputError
from vdit.parallel import processes
from vdit.runs import digests
from vdit.runs.files import DamagedFileError
from vdit.runs.folder import CHECKPOINTS, read_format, steps_saved
from vdit.runs.weights import name_of, placed

# Orbax logs, with traces, what it also raises.
logging.getLogger("absl").addFilter(lambda record: "orbax" not in record.pathname)

DAMAGED = "damaged."  # before the step, in the name of one that is set aside
T = TypeVar("T")


def restore(
    workdir: str | pathlib.Path, state: Any, iterator: Any, verify: bool = True
) -> Any | None:
    """The newest whole checkpoint, placed as `state` is, and the iterator moved there; None if
    there has been none.

    Damaged ones are named on stderr and set aside. Raises `InputError` if no other is left. All
    processes of a run must call it.
    """
    check = _checked_by_first if verify else _unchecked
    return _newest(workdir, lambda f: _restored(f, state, iterator), check, _set_aside)


def restore_step(
    workdir: str | pathlib.Path, step: int, state: Any, iterator: Any, verify: bool = True
) -> Any:
    """Another run's checkpoint, placed as `state` is, and the iterator moved there."""
    check = _checked_by_first if verify else _unchecked
    return _whole(_folder(workdir, step), lambda f: _restored(f, state, iterator), check)


def read_weights(
    workdir: str | pathlib.Path, shapes: Any, step: int | None = None, verify: bool = True
) -> tuple[int, dict[str, Any]]:
    """The step, and {"params": ..., "ema": ...} on one device, of a run's newest whole checkpoint;
    or of the one named, `DamagedFileError` where it is not whole.

    `shapes` are the abstract weights of the model, as of `jax.eval_shape`.
    """
    shapes = jax.tree.map(_on_one, shapes)
    both = {"params": shapes, "ema": shapes}
    named = {name_of(p): x for p, x in jax.tree_util.tree_leaves_with_path(both)}

    def load(folder: pathlib.Path) -> tuple[int, dict[str, Any]]:
        stored = _stored_names(folder, named)
        renamed = {stored[name]: x for name, x in named.items()}
        loaded = ocp.load_checkpointables(folder, {"weights": renamed})["weights"]
        leaves = [placed(loaded[stored[name]]) for name in named]
        return int(folder.name), jax.tree.unflatten(jax.tree.structure(both), leaves)

    return _read(workdir, step, load, verify)


def read_arrays(workdir: str | pathlib.Path, part: str) -> dict[str, Any]:
    """Path to NumPy array of the `params` or `ema` of a run's newest whole checkpoint.

    For who does not know the shape of the model.
    """

    def load(folder: pathlib.Path) -> dict[str, Any]:
        found = ocp.checkpointables_metadata(folder).metadata["weights"]
        shapes = jax.tree.map(_on_one, found)
        return ocp.load_checkpointables(folder, {"weights": shapes})["weights"]

    loaded, start = _read(workdir, None, load, verify=True), f"{part}/"
    stored = versions.stored_names(loaded)
    return {
        today.removeprefix(start): jax.device_get(loaded[name])
        for today, name in stored.items()
        if today.startswith(start)
    }


# --- which checkpoint, and whether it is whole ------------------------------------------------


def _read(workdir: str | pathlib.Path, step: int | None, load: Callable, verify: bool) -> Any:
    """As `_newest` or `_whole`; changes nothing in a folder that may be another's."""
    check = digests.check if verify else _unchecked
    if step is not None:
        return _whole(_folder(workdir, step), load, check)
    if (found := _newest(workdir, load, check, lambda folder: "passed over")) is None:
        raise InputError(f"{workdir}: expected a checkpoint; there is none")
    return found


def _newest(
    workdir: str | pathlib.Path,
    load: Callable[[pathlib.Path], T],
    check: Callable[[pathlib.Path], bool],
    dispose: Callable[[pathlib.Path], str],
) -> T | None:
    """What `load` makes of the newest whole checkpoint; damaged ones are named and disposed of."""
    place = pathlib.Path(workdir).resolve() / CHECKPOINTS
    saved = steps_saved(workdir)
    for step in reversed(saved):
        try:
            return _whole(place / str(step), load, check)
        except DamagedFileError as error:
            print(f"{error}; {dispose(place / str(step))}", file=sys.stderr, flush=True)
    if saved or [*place.glob(f"{DAMAGED}*")]:
        raise InputError(f"{place}: no checkpoint is whole; delete the folder to begin anew")
    return None


def _whole(
    folder: pathlib.Path, load: Callable[[pathlib.Path], T], check: Callable[[pathlib.Path], bool]
) -> T:
    """What `load` makes of a checkpoint; `DamagedFileError` where its digests say that it is not
    whole or, of one that has none (of older code) or is not checked, where Orbax cannot read it."""
    if check(folder):
        return load(folder)
    try:
        return load(folder)
    except InputError:
        raise
    except Exception as error:  # Orbax has no one kind for what it cannot read
        reason = " ".join(str(error).split())[:200]
        raise DamagedFileError(f"{folder}: cannot be read ({reason})") from error


def _unchecked(folder: pathlib.Path) -> bool:
    """For who asked not to verify."""
    return False


def _checked_by_first(folder: pathlib.Path) -> bool:
    """As `digests.check`: of several processes the first reads it all, and tells the others."""
    word = ""
    if processes.is_first():
        try:
            word = "whole" if digests.check(folder) else "no digests"
        except DamagedFileError as error:
            word = str(error)
    word = processes.first_says(word)
    if word not in ("whole", "no digests"):
        raise DamagedFileError(word)
    return word == "whole"


def _set_aside(folder: pathlib.Path) -> str:
    aside = folder.with_name(f"{DAMAGED}{folder.name}")
    if processes.is_first():
        shutil.rmtree(aside, ignore_errors=True)
        folder.rename(aside)
    processes.wait(f"set aside {folder.name}")
    return f"set aside as {aside.name}"


def _folder(workdir: str | pathlib.Path, step: int) -> pathlib.Path:
    """The checkpoint of a step."""
    if step not in (saved := steps_saved(workdir)):
        raise InputError(f"{workdir}: expected step {step}; there are {saved or 'none'}")
    return pathlib.Path(workdir).resolve() / CHECKPOINTS / str(step)


# --- between a state and what is stored -------------------------------------------------------


def _restored(folder: pathlib.Path, state: Any, iterator: Any) -> Any:
    weights, training = (
        jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), part)
        for part in parts_of(state)
    )
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


def _on_one(x):
    one = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    return jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=one)


def parts_of(state: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Name to array: the weights, which others read, and the rest, which only a resume needs."""
    named = {name_of(path): x for path, x in jax.tree_util.tree_leaves_with_path(state)}
    weights = {k: v for k, v in named.items() if k.split("/")[0] in ("params", "ema")}
    return weights, {k: v for k, v in named.items() if k not in weights}
