"""What a run computes in: decided where it is begun, recorded, the same to its end."""

import types

import jax
import pytest
from ml_collections import ConfigDict

from tests.tiny import config
from vdit import parallel
from vdit.config.devices import USABLE
from vdit.config.fingerprint import fingerprint
from vdit.errors import InputError
from vdit.parallel.compute_dtype import compute_dtype, decided
from vdit.runs.same_run import check_same_run
from vdit.training import trunk


def device(monkeypatch, platform, capability=""):
    made = types.SimpleNamespace(platform=platform, compute_capability=capability)
    monkeypatch.setattr(jax, "devices", lambda: [made])


@pytest.mark.parametrize(
    ("platform", "capability", "expected"),
    [
        ("cpu", "", "float32"),
        ("tpu", "", "bfloat16"),
        ("gpu", "7.5", "float32"),
        ("gpu", "8.0", "bfloat16"),
        ("gpu", "10.3", "bfloat16"),
        ("gpu", "gfx90a", "float32"),
    ],
)
def test_auto_is_what_the_device_is_for(monkeypatch, platform, capability, expected):
    device(monkeypatch, platform, capability)
    assert compute_dtype("auto") == expected
    assert compute_dtype("float16") == "float16"


def test_it_is_recorded_and_no_part_of_the_name(monkeypatch, tmp_path):
    made = config(tmp_path)
    here = decided(made)
    assert (made.model.dtype, here.model.dtype, here.compute_dtype) == ("auto", "auto", "float32")
    device(monkeypatch, "tpu")
    assert decided(made).compute_dtype == "bfloat16"
    assert decided(here).compute_dtype == "float32"
    assert fingerprint(here) == fingerprint(made)
    asked = config(tmp_path, **{"model.dtype": "bfloat16"})
    assert fingerprint(asked) != fingerprint(made)
    assert "compute_dtype" not in decided(ConfigDict({"objective": "autoencoder"}))


def test_a_run_of_the_other_kind_is_not_gone_on_with(monkeypatch, tmp_path):
    made = config(tmp_path, steps=8)
    check_same_run(tmp_path, decided(made).to_dict(), write=True)
    check_same_run(tmp_path, made.to_dict(), write=False)  # it is found, finished or not
    branch = made.copy_and_resolve_references()
    branch.trunk = {"run": "a", "step": 4}
    trunk.check(decided(made), decided(branch), 4)
    begun = decided(made)
    device(monkeypatch, "gpu", "9.0")
    with pytest.raises(InputError, match="compute_dtype: 'float32' -> 'bfloat16'"):
        check_same_run(tmp_path, decided(made).to_dict(), write=False)
    with pytest.raises(InputError, match="compute_dtype: 'float32' -> 'bfloat16'"):
        trunk.check(begun, decided(branch), 4)


@pytest.mark.parametrize("name", parallel.FRACTION)
def test_a_gpu_s_memory_is_asked_for_unless_the_user_has(name):
    there = {name: ".5"}
    parallel.reserve(there)
    assert there == {name: ".5"}
    nothing = {}
    parallel.reserve(nothing)
    assert nothing == {parallel.FRACTION[0]: str(USABLE)}
