"""PyTorch's zip files of pickled weights, read without PyTorch and without running anything.

A pickle is a program: it may call whatever it can name. Here it can name five harmless things.
"""

import collections
import pickle
import types
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import jax.numpy as jnp
import numpy as np

from vdit.errors import InputError

DTYPES = {
    "DoubleStorage": np.float64,
    "FloatStorage": np.float32,
    "HalfStorage": np.float16,
    "BFloat16Storage": jnp.bfloat16,
    "LongStorage": np.int64,
    "IntStorage": np.int32,
    "ShortStorage": np.int16,
    "CharStorage": np.int8,
    "ByteStorage": np.uint8,
    "BoolStorage": np.bool_,
}
BROKEN = (
    AttributeError,
    EOFError,
    IndexError,
    KeyError,
    OverflowError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
    zipfile.BadZipFile,
)


class _Tensor:
    """`torch._utils._rebuild_tensor_v2`: a view of a storage, which NumPy keeps within bounds.

    The slots keep a pickle from setting attributes.
    """

    __slots__ = ()

    def __call__(
        self,
        storage: tuple[bytes, np.dtype],
        offset: int,
        size: Sequence[int],
        stride: Sequence[int],
        *_: Any,
    ) -> np.ndarray:
        data, dtype = storage
        strides = tuple(n * dtype.itemsize for n in stride)
        return np.ndarray(tuple(size), dtype, data, offset * dtype.itemsize, strides)


class _Parameter:
    """`torch._utils._rebuild_parameter`: the tensor in it."""

    __slots__ = ()

    def __call__(self, tensor: np.ndarray, *_: Any) -> np.ndarray:
        return tensor


HARMLESS = {
    "torch._utils._rebuild_tensor_v2": _Tensor(),
    "torch._utils._rebuild_parameter": _Parameter(),
    "collections.OrderedDict": collections.OrderedDict,
    "argparse.Namespace": types.SimpleNamespace,  # the settings beside a training checkpoint
} | {f"torch.{name}": name for name in DTYPES}


class _Unpickler(pickle.Unpickler):
    """Weights only; `read(key)` gives the bytes of a storage."""

    def __init__(self, file: IO[bytes], read: Callable[[str], bytes]):
        super().__init__(file)
        self.read = read

    def find_class(self, module: str, name: str) -> Any:
        if f"{module}.{name}" not in HARMLESS:
            raise InputError(f"its pickle asks to run {module}.{name}: expected weights alone")
        return HARMLESS[f"{module}.{name}"]

    def persistent_load(self, pid: tuple) -> tuple[bytes, np.dtype]:
        kind, storage, key, *_ = pid
        if kind != "storage":
            raise ValueError(f"unknown persistent id {kind!r}")
        return self.read(key), np.dtype(DTYPES[storage])


def load(path: Path) -> Any:
    """What `torch.save` (PyTorch 1.6 or newer) wrote, tensors as arrays.

    Raises `InputError` for another format, a damaged file, or a pickle that wants to run code.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _load(archive)
    except zipfile.BadZipFile as error:
        asked = "expected the zip format of PyTorch 1.6 or newer"
        raise InputError(f"{path}: not a zip file: {asked}") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except BROKEN as error:
        raise InputError(f"{path}: not a readable PyTorch checkpoint: {error}") from error


def _load(archive: zipfile.ZipFile) -> Any:
    programs = [name for name in archive.namelist() if name.endswith("/data.pkl")]
    if len(programs) != 1:
        raise ValueError(f"{len(programs)} files named data.pkl: expected one")
    folder = programs[0].removesuffix("data.pkl")
    if (
        f"{folder}byteorder" in archive.namelist()
        and archive.read(f"{folder}byteorder") != b"little"
    ):
        raise ValueError("written on a big-endian machine")
    read = {}

    def storage(key: str) -> bytes:
        if key not in read:
            read[key] = archive.read(f"{folder}data/{key}")
        return read[key]

    with archive.open(programs[0]) as file:
        return _Unpickler(file, storage).load()
