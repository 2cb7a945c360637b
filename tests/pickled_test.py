"""PyTorch's files read without PyTorch: made by hand, made by PyTorch, and made to do harm."""

import io
import pickle
import sys
import types
import zipfile
from argparse import Namespace
from collections import OrderedDict

import numpy as np
import pytest

from tests.readers_test import ARRAYS, same
from vdit.errors import InputError
from vdit.pretrained import read

STORAGES = {"<f4": "Float", "<f2": "Half", "<i8": "Long", "bfloat16": "BFloat16"}


class Tensor:
    """A stand-in that pickles as PyTorch's tensors do: a call to rebuild it from a storage."""

    def __init__(self, array, rebuild, storage, **changes):
        strides = tuple(s // array.itemsize for s in array.strides)
        self.args = {"offset": 0, "size": array.shape, "stride": strides} | changes
        self.array, self.rebuild, self.storage = array, rebuild, storage

    def __reduce__(self):
        a = self.args
        args = (self.storage, a["offset"], a["size"], a["stride"], False, OrderedDict())
        return self.rebuild, args


class Storage:
    def __init__(self, kind, key, array):
        self.kind, self.key, self.array = kind, key, array


class Pickler(pickle.Pickler):
    def persistent_id(self, obj):
        if isinstance(obj, Storage):
            return ("storage", obj.kind, obj.key, "cpu", obj.array.size)
        return None


@pytest.fixture
def torch(monkeypatch):
    """The names that a pickle of tensors refers to, so that `pickle` agrees to write them."""
    fake, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for kind in set(STORAGES.values()):
        name = f"{kind}Storage"
        setattr(fake, name, type(name, (), {"__module__": "torch"}))
    for name in ("_rebuild_tensor_v2", "_rebuild_parameter"):
        function = types.FunctionType((lambda *args: None).__code__, {}, name)
        function.__module__, function.__qualname__ = "torch._utils", name
        setattr(utils, name, function)
    fake._utils = utils
    monkeypatch.setitem(sys.modules, "torch", fake)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    return fake


def tensor(torch, array, key="0", **changes):
    kind = getattr(torch, f"{STORAGES.get(array.dtype.str, 'BFloat16')}Storage")
    return Tensor(array, torch._utils._rebuild_tensor_v2, Storage(kind, key, array), **changes)


def tensors(torch, arrays):
    return OrderedDict((k, tensor(torch, x, str(i))) for i, (k, x) in enumerate(arrays.items()))


def save(path, tree, storages, extra=()):
    """`torch.save`'s zip: a pickle, and the bytes of each storage under its key."""
    program = io.BytesIO()
    Pickler(program, protocol=2).dump(tree)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", program.getvalue())
        for i, array in enumerate(storages):
            file.writestr(f"archive/data/{i}", array.tobytes())
        for name, data in extra:
            file.writestr(name, data)
    return path


def test_pt(torch, tmp_path):
    path = save(tmp_path / "x.pt", tensors(torch, ARRAYS), ARRAYS.values())
    same(read(path), ARRAYS)


def test_pt_views_of_one_storage(torch, tmp_path):
    whole = np.arange(12, dtype=np.float32).reshape(3, 4)
    store = tensor(torch, whole).storage
    rebuild = torch._utils._rebuild_tensor_v2
    part = Tensor(whole, rebuild, store, offset=4, size=(4, 2), stride=(1, 4))
    found = read(save(tmp_path / "x.pth", {"whole": tensor(torch, whole), "part": part}, [whole]))
    np.testing.assert_array_equal(found["part"], whole[1:].T)


@pytest.mark.parametrize("name", ["ema", "model"])
def test_pt_of_a_training_run(torch, tmp_path, name):
    tree = {"opt": {"lr": 1e-4}, "args": Namespace(model="DiT-S/2", steps=3), "step": 5}
    tree[name] = tensors(torch, ARRAYS)
    same(read(save(tmp_path / "x.pt", tree, ARRAYS.values())), ARRAYS)


class Code:
    """What a malicious file does: names a function and asks for it to be called."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("function", [print, eval, exec, __import__, getattr])
def test_a_pickle_that_wants_to_run_code_is_refused(torch, tmp_path, function, capsys):
    tree = {"a": tensor(torch, ARRAYS["c"]), "b": Code(function, "ran")}
    path = save(tmp_path / "x.pt", tree, [ARRAYS["c"]])
    with pytest.raises(InputError, match=rf"x\.pt: .*run .*{function.__name__}: expected weights"):
        read(path)
    assert capsys.readouterr().out == ""


def test_a_pickle_can_change_nothing_that_it_may_name(tmp_path):
    """BUILD sets attributes on what was named: here the rebuild function's defaults."""
    program = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\nN}U\x0c__defaults__Ns\x86b."
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as file:
        file.writestr("archive/data.pkl", program)
    with pytest.raises(InputError, match="not a readable PyTorch checkpoint"):
        read(tmp_path / "x.pt")


@pytest.mark.parametrize(
    "changes",
    [{"size": (2, 4)}, {"offset": 1}, {"stride": (30, 1)}, {"offset": -1}, {"stride": (3, -1)}],
)
def test_a_tensor_that_reaches_beyond_its_storage_is_refused(torch, tmp_path, changes):
    array = ARRAYS["a.weight"]
    path = save(tmp_path / "x.pt", {"a": tensor(torch, array, **changes)}, [array])
    with pytest.raises(InputError, match=r"x\.pt: not a readable PyTorch checkpoint"):
        read(path)


def test_pt_of_other_things_is_refused(torch, tmp_path):
    path = tmp_path / "x.pt"
    save(path, {"a": "word"}, [])
    with pytest.raises(InputError, match="expected names and tensors alone"):
        read(path)
    save(path, {}, [], extra=[("archive/byteorder", b"big")])
    with pytest.raises(InputError, match="big-endian"):
        read(path)
    path.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(InputError, match=r"not a zip file: expected .* PyTorch 1\.6"):
        read(path)


def test_pt_that_pytorch_itself_wrote(tmp_path):
    peer = pytest.importorskip("torch", reason="PyTorch is not installed")
    arrays = {k: x for k, x in ARRAYS.items() if k != "e"}
    tree = {k: peer.tensor(x) for k, x in arrays.items()}
    tree["t"] = peer.nn.Parameter(peer.arange(6.0).reshape(2, 3).T)
    peer.save(tree, tmp_path / "x.pt")
    same(read(tmp_path / "x.pt"), arrays | {"t": np.arange(6, dtype=np.float32).reshape(2, 3).T})
