"""Numbers of a config: those that cannot be are named at once, and one number is of one kind."""

import itertools
import sys

import pytest
from ml_collections import ConfigDict

from experiments import autoencoder, base
from sweeps.launcher.grid import parse_settings
from tests.tiny import config
from vdit.config.fingerprint import fingerprint
from vdit.config.ranges import RANGES, fit
from vdit.errors import InputError
from vdit.main import parse_flags
from vdit.training.resolve import resolve

WRONG = {
    "steps": (0, "steps=0: expected a whole number from 1"),
    "batch": (0, "batch=0: expected a whole number from 1"),
    "seed": (-1, "seed=-1: expected a whole number from 0"),
    "keep": (True, "keep=True: expected a whole number from 1"),
    "checkpoint_at": ((0,), r"checkpoint_at=\(0,\): expected whole numbers from 1"),
    "model.patch": ((1, 2), r"model.patch=\(1, 2\): expected 3 whole numbers from 1"),
    "model.frequencies": (7, "model.frequencies=7: expected an even number"),
    "model.drop_caption": (1.5, "model.drop_caption=1.5: expected a number from 0 to 1"),
    "model.depth": (0, "depth 0: expected 1 or more"),
    "model.remat": ("all", "model.remat='all': expected one of"),
    "optimizer.lr": (-1.0, "optimizer.lr=-1.0: expected a number above 0"),
    "optimizer.b2": (1.0, "optimizer.b2=1.0: expected a number from 0 below 1"),
    "sampling.interval": ((0.5,), r"sampling.interval=\(0.5,\): expected 0 or 2 numbers from 0"),
    "validation.triples": (0, "validation.triples=0: expected a whole number from 10"),
    "data.world.gravity": (float("nan"), "data.world.gravity=nan: expected a number from 0 to 1"),
}


@pytest.mark.parametrize("key", WRONG)
def test_a_number_that_cannot_be_is_named(tmp_path, key):
    value, line = WRONG[key]
    with pytest.raises(InputError, match=f"^{line}"):
        resolve(config(tmp_path, **{key: value}))
    assert not list(tmp_path.iterdir())


def numbers(tree, prefix=""):
    for name, value in tree.items():
        if hasattr(value, "items"):
            yield from numbers(value, f"{prefix}{name}.")
        elif isinstance(value, int | float | tuple) and not isinstance(value, bool):
            yield prefix + name


def test_every_number_of_the_shipped_configs_has_a_range():
    shipped = base.get_config().to_dict(), autoencoder.get_config().to_dict()
    found = set(itertools.chain(*map(numbers, shipped)))
    assert found - set(RANGES) == set()
    assert set(RANGES) - found <= {"data.epochs", "checkpoint_every_s", "data.world.labelled"}


def test_a_number_is_of_one_kind_however_it_is_written(tmp_path):
    whole = {"sampling.interval": (0, 2), "model.patch": (1.0, 2.0, 2)}
    plain = {"sampling.interval": (0.0, 2.0), "model.patch": (1, 2, 2)}
    first, second = (resolve(config(tmp_path, **changes)) for changes in (whole, plain))
    assert fingerprint(first) == fingerprint(second)
    made = ConfigDict({"optimizer": {"lr": 1}, "steps": 3.0})
    fit(made)
    assert repr(made.to_dict()) == repr({"optimizer": {"lr": 1.0}, "steps": 3})


def test_what_is_given_twice_is_named(monkeypatch):
    given = ["vdit.main", "--config", "experiments/base.py", "--workdir", "x"]
    monkeypatch.setattr(sys, "argv", [*given, "--config.steps=1", "--config.steps", "2"])
    with pytest.raises(InputError, match=r"^--config\.steps is given twice$"):
        parse_flags(sys.argv)
    with pytest.raises(InputError, match=r"^--set a is given twice$"):
        parse_settings(["a=1", "a=2"])


def test_wandb_that_is_not_installed_is_named_before_anything_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match="wandb=True: wandb is not installed here"):
        resolve(config(tmp_path, wandb=True))
    assert not list(tmp_path.iterdir())
