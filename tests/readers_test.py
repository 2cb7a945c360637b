"""Files of weights, made by hand as the formats ask, and files that are not what they say."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

from vdit.errors import InputError
from vdit.pretrained import read

ARRAYS = {
    "a.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b": np.array([1.5, -2.0], np.float16),
    "c": np.array(7, np.int64),
    "d": np.zeros((0, 4), np.float32),
    "e": np.array([[0.25], [-3.0]]).astype(jnp.bfloat16),
}


def same(found, expected):
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape), name
        assert found[name].tobytes() == array.tobytes(), name


def test_npz(tmp_path):
    arrays = {k: x for k, x in ARRAYS.items() if k != "e"}
    np.savez(tmp_path / "x.npz", **arrays)
    same(read(tmp_path / "x.npz"), arrays)
    np.savez(tmp_path / "x.npz", a=np.array([{"an": "object"}]))
    with pytest.raises(InputError, match=r"x\.npz: not a \.npz of plain arrays"):
        read(tmp_path / "x.npz")


def safetensors(path, arrays, cut=0, **changes):
    names = {"<f4": "F32", "<f2": "F16", "<i8": "I64"}
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, array in arrays.items():
        offsets = [len(data), len(data) + array.nbytes]
        entry = {"dtype": names.get(array.dtype.str, "BF16"), "shape": array.shape}
        header[name] = entry | {"data_offsets": offsets} | changes
        data += array.tobytes()
    text = json.dumps(header).encode()
    whole = len(text).to_bytes(8, "little") + text + data
    path.write_bytes(whole[: len(whole) - cut])
    return path


def test_safetensors(tmp_path):
    same(read(safetensors(tmp_path / "x.safetensors", ARRAYS)), ARRAYS)


@pytest.mark.parametrize(
    "changes",
    [
        {"cut": 3},
        {"cut": 300},
        {"dtype": "F8_E4M3"},
        {"shape": [5]},
        {"data_offsets": [-30, -6]},
        {"data_offsets": [0, 4096]},
    ],
)
def test_safetensors_that_do_not_add_up_are_refused(tmp_path, changes):
    path = safetensors(
        tmp_path / "x.safetensors", dict.fromkeys("ab", ARRAYS["a.weight"]), **changes
    )
    with pytest.raises(InputError, match=r"x\.safetensors: not a \.safetensors file"):
        read(path)


@pytest.mark.parametrize("name", ["x.npz", "x.safetensors", "x.pt"])
@pytest.mark.parametrize("data", [b"", b"no such thing at all"])
def test_files_that_are_something_else_are_named(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=name) as caught:
        read(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_files_that_are_not_there_or_not_known(tmp_path):
    with pytest.raises(InputError, match=r"x\.pt: there is no such file"):
        read(tmp_path / "x.pt")
    with pytest.raises(InputError, match=r"x\.h5: expected a name that ends in \.npz, "):
        read(tmp_path / "x.h5")
