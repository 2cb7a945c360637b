"""Weights in one file that NumPy alone can read: a .npz of float arrays under their paths."""

import hashlib
import pathlib
import zipfile
import zlib
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from vdit.errors import InputError
from vdit.runs.files import DamagedFileError, whole_file


def save_weights(path: str | pathlib.Path, tree: Any) -> None:
    """Writes every array of a tree, each under its path (params/stages/0/mlp/up/kernel).

    As `np.savez` does, but one array after another, so that the host holds one at a time.
    """
    with whole_file(path) as part, zipfile.ZipFile(part, "w") as archive:
        for keys, x in jax.tree_util.tree_leaves_with_path(tree):
            with archive.open(f"{name_of(keys)}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asarray(x), allow_pickle=False)


def load_weights(path: str | pathlib.Path, shapes: Any) -> Any:
    """The arrays of `shapes` (abstract, as of `jax.eval_shape`), on the first device.

    The file has a CRC of every array. Raises `DamagedFileError` where one is damaged, `InputError`
    where it is missing or of another shape.
    """
    leaves = jax.tree_util.tree_leaves_with_path(shapes)
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = [_checked(path, stored, name_of(keys), leaf.shape) for keys, leaf in leaves]
    except (EOFError, OSError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, InputError):
            raise
        raise DamagedFileError(f"{path}: damaged ({error})") from error
    return jax.tree.unflatten(jax.tree.structure(shapes), [placed(x) for x in arrays])


def placed(array: Any) -> jax.Array:
    """On the first device; in a process that is alone not bound to it, so that a program may have
    it beside arrays that lie on a mesh."""
    device = None if jax.process_count() == 1 else jax.devices()[0]
    return jax.device_put(np.asarray(array), device)


def hash_of(weights: Any) -> str:
    """12 hex digits of the bytes of all weights."""
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(weights):
        digest.update(np.asarray(leaf).tobytes())
    return digest.hexdigest()[:12]


def name_of(path: Sequence[Any]) -> str:
    """A leaf's path as `params/stages/0/blocks/0/mlp/up/kernel`."""
    keys = (getattr(k, "key", getattr(k, "name", getattr(k, "idx", None))) for k in path)
    return "/".join(str(k) for k in keys if k != "value")


def _checked(path: str | pathlib.Path, stored: Any, name: str, shape: tuple) -> np.ndarray:
    array = stored.get(name)  # each access reads the file
    if array is None or array.shape != shape:
        found = "nothing" if array is None else array.shape
        raise InputError(f"{path}: {name}: expected an array of shape {shape}, found {found}")
    return array
