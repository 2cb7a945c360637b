"""Where the tests find things."""

import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"


def reference(name):
    """The path of `name` below shared/reference; the test is skipped where a clone lacks it."""
    path = SHARED / "reference" / name
    if not path.exists():
        pytest.skip(f"shared/reference/{name} is not in this clone")
    return path


def awkward(name):
    """The path of `name` below shared/data/awkward, likewise."""
    path = SHARED / "data" / "awkward" / name
    if not path.exists():
        pytest.skip(f"shared/data/awkward/{name} is not in this clone")
    return path
