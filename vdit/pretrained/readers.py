"""Files of weights to NumPy arrays, without PyTorch: .npz, .safetensors, .pt."""

import zipfile
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from vdit.errors import InputError
from vdit.pretrained import pickled

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
    try:
        return load_file(path)
    except (SafetensorError, AttributeError, TypeError) as error:
        raise InputError(f"{path}: not a .safetensors file that NumPy can hold: {error}") from error


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
