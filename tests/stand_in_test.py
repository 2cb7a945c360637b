"""What stands in for the trainer in the launcher's tests is called as the trainer is."""

import importlib
import inspect

import pytest

from tests.stand_in.functions import STAND_INS, Outcome

PAIRS = [(module, name) for module, functions in STAND_INS.items() for name in functions]


@pytest.mark.parametrize(("module", "name"), PAIRS)
def test_a_stand_in_has_the_signature_of_the_real_function(module, name):
    real = getattr(importlib.import_module(module), name)
    assert real is not STAND_INS[module][name]
    assert parameters(STAND_INS[module][name]) == parameters(real)


def parameters(function):
    found = inspect.signature(function).parameters.values()
    return [(p.name, p.kind, p.default) for p in found]


def test_a_pack_ends_as_it_does_in_truth():
    packing = importlib.import_module("vdit.training.packing")
    assert Outcome._fields == packing.Outcome._fields
