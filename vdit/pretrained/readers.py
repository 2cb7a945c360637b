"""Files of weights to NumPy arrays, without PyTorch: .npz, .safetensors, .pt."""

import json
import math
import zipfile
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from vdit.errors import InputError
from vdit.pretrained import pickled

# The dtypes of the format that NumPy (with JAX's bfloat16) can hold.
SAFETENSORS = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "BF16": jnp.bfloat16,
    "I64": np.int64,
    "I32": np.int32,
    "I16": np.int16,
    "I8": np.int8,
    "U8": np.uint8,
    "BOOL": np.bool_,
}
WITHIN = ("ema", "model", "state_dict")  # where a training checkpoint keeps them; the best first


def read(path: str | Path) -> dict[str, np.ndarray]:
    """Name to array, from a .npz, .safetensors or .pt (.pth, .bin, .ckpt) file.

    Nothing in a file is run. Of a training checkpoint the averaged weights (`ema`) are taken where
    it has them, as DiT does. Raises `InputError` for a file that is not what its name says.
    """
    path = Path(path)
    if path.suffix not in READERS:
        raise InputError(f"{path}: expected a name that ends in {', '.join(READERS)}")
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    return READERS[path.suffix](path)


def _npz(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (AttributeError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: not a .npz of plain arrays: {error}") from error


def _safetensors(path: Path) -> dict[str, np.ndarray]:
    """Eight bytes of length, a JSON header, then the arrays' bytes; left on disk until used."""
    try:
        data = np.memmap(path, np.uint8, "r")
        start = 8 + int.from_bytes(data[:8].tobytes(), "little")
        header = json.loads(data[8:start].tobytes())
        header.pop("__metadata__", None)
        return {name: _tensor(data[start:], **entry) for name, entry in header.items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not a .safetensors file: {error}") from error


def _tensor(data: np.ndarray, dtype: str, shape: list[int], data_offsets: list[int]) -> np.ndarray:
    begin, end = data_offsets
    kind = np.dtype(SAFETENSORS[dtype])
    if not 0 <= begin <= end <= len(data) or end - begin != math.prod(shape) * kind.itemsize:
        raise ValueError(f"bytes {begin} to {end} do not hold {dtype} of shape {shape}")
    return np.asarray(data[begin:end]).view(kind).reshape(shape)


def _pt(path: Path) -> dict[str, np.ndarray]:
    tree = pickled.load(path)
    for name in WITHIN:
        if isinstance(tree, dict) and isinstance(tree.get(name), dict):
            tree = tree[name]
    if not isinstance(tree, dict) or not all(isinstance(x, np.ndarray) for x in tree.values()):
        raise InputError(f"{path}: expected names and tensors alone, or under {', '.join(WITHIN)}")
    return dict(tree)


READERS = {
    ".npz": _npz,
    ".safetensors": _safetensors,
    ".pt": _pt,
    ".pth": _pt,
    ".bin": _pt,
    ".ckpt": _pt,
}
