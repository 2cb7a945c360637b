"""PyTorch's files of pickled weights, read without PyTorch and without running anything.

A zip since PyTorch 1.6, before that a sequence of pickles and then the bytes of the storages.

A pickle is a program: it may call whatever it can name. Here it can name a few harmless things.
"""

import collections
import os
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
MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of a file of before PyTorch 1.6
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
        storage: tuple[bytes | bytearray, np.dtype],
        offset: int,
        size: Sequence[int],
        stride: Sequence[int],
        *_: Any,
    ) -> np.ndarray:
        data, dtype = storage
        strides = tuple(n * dtype.itemsize for n in stride)
        return np.ndarray(tuple(size), dtype, data, offset * dtype.itemsize, strides)


class _First:
    """`torch._utils._rebuild_parameter`, and TorchScript's tags of types: the value in them."""

    __slots__ = ()

    def __call__(self, value: Any, *_: Any) -> Any:
        return value


HARMLESS = {
    "torch._utils._rebuild_tensor_v2": _Tensor(),
    "torch._utils._rebuild_parameter": _First(),
    "torch.jit._pickle.build_intlist": _First(),
    "torch.jit._pickle.restore_type_tag": _First(),
    "collections.OrderedDict": collections.OrderedDict,
    "argparse.Namespace": types.SimpleNamespace,  # the settings beside a training checkpoint
} | {f"torch.{name}": name for name in DTYPES}


class _Unpickler(pickle.Unpickler):
    """Weights only; `read(key, bytes)` gives the memory of a storage of that many bytes."""

    def __init__(self, file: IO[bytes], read: Callable[[str, int], bytes | bytearray]):
        super().__init__(file)
        self.read = read

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] == "__torch__":  # a module of TorchScript: its attributes
            return types.SimpleNamespace
        if f"{module}.{name}" not in HARMLESS:
            raise InputError(f"its pickle asks to run {module}.{name}: expected weights alone")
        return HARMLESS[f"{module}.{name}"]

    def persistent_load(self, pid: tuple) -> tuple[bytes | bytearray, np.dtype]:
        kind, storage, key, _, count, *view = pid
        if kind != "storage" or any(view):
            raise ValueError(f"unknown persistent id {kind!r}")
        dtype = np.dtype(DTYPES[storage])
        return self.read(key, count * dtype.itemsize), dtype


def load(path: Path) -> Any:
    """What `torch.save` wrote, tensors as arrays, or `torch.jit.save`, modules as namespaces.

    Raises `InputError` for another format, a damaged file, or a pickle that wants to run code.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return _load(archive)
        with open(path, "rb") as file:
            return _load_sequence(file)
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

    def storage(key: str, _: int) -> bytes:
        if key not in read:
            read[key] = archive.read(f"{folder}data/{key}")
        return read[key]

    with archive.open(programs[0]) as file:
        return _Unpickler(file, storage).load()


def _load_sequence(file: IO[bytes]) -> Any:
    """Magic number, version, machine, weights, keys of storages; then the storages' lengths and
    bytes, which fill the memory that the weights already look at."""
    if not file.peek(1).startswith(b"\x80") or _Unpickler(file, _none).load() != MAGIC:
        raise InputError("not a zip file: expected one of PyTorch 1.6 or newer, or its older kind")
    version, machine = (_Unpickler(file, _none).load() for _ in range(2))
    if version != 1001 or not machine["little_endian"]:
        raise ValueError(f"version {version}, or written on a big-endian machine")
    left, memory = os.fstat(file.fileno()).st_size, {}

    def storage(key: str, size: int) -> bytearray:
        nonlocal left
        if key not in memory:
            left -= size
            if left < 0 or size < 0:
                raise ValueError("its storages are longer than the file")
            memory[key] = bytearray(size)
        return memory[key]

    weights = _Unpickler(file, storage).load()
    keys = _Unpickler(file, _none).load()
    if set(keys) != set(memory):
        raise ValueError("its storages are not those that its weights name")
    for key in keys:
        file.seek(8, os.SEEK_CUR)  # the length, which the weights said
        if file.readinto(memory[key]) != len(memory[key]):
            raise EOFError("ends too early")
    return weights


def _none(key: str, _: int) -> bytes:
    raise ValueError(f"storage {key} outside the weights")
