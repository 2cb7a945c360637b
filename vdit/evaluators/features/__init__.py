"""What a video is described by before sets are compared: one file for one extractor, by name.

To add one, write a file with

    def build(*, option=default) -> Extractor

No JAX is imported here.
"""

import functools
import importlib
import inspect
import pathlib
import pkgutil
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from vdit.errors import InputError

SHARED = ("cached", "frames")  # no extractors


class Extractor(Protocol):
    """Features of videos. Those of two extractors that differ in any of its words never meet."""

    name: str
    identity: str  # 8 hex digits of its weights or definition
    sees: str  # one line: what changes it, what it is blind to
    crop: str  # how frames are resized

    def __call__(self, videos: np.ndarray) -> np.ndarray:
        """(B, d) float64 of uint8 (B, T, H, W, 3)."""


@functools.cache
def names() -> tuple[str, ...]:
    """The extractors that there are."""
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return tuple(name for name in found if name not in SHARED)


def find(asked: str, **options: Any) -> Extractor:
    """The extractor of a name that may have options behind it: i3d:file=PATH, image_means:size=64.

    Raises `InputError` for another name and options that it has not.
    """
    name, *given = asked.split(":")
    if name not in names():
        raise InputError(f"features {name!r}: expected one of {', '.join(names())}")
    build = importlib.import_module(f"{__name__}.{name}").build
    known = inspect.signature(build).parameters
    options |= dict(_option(asked, text, known) for text in given)
    for option in options:
        if option not in known:
            expected = ", ".join(known) or "none"
            raise InputError(f"features.{name}.{option}: expected one of its options: {expected}")
    missing = [p.name for p in known.values() if p.default is p.empty and p.name not in options]
    if missing:
        raise InputError(f"features.{name}: expected its option {missing[0]}")
    return build(**options)


def _option(asked: str, text: str, known: Mapping[str, inspect.Parameter]) -> tuple[str, int | str]:
    """(name, value) of OPTION=VALUE, for options that are numbers or files."""
    name, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"features {asked!r}: expected NAME:OPTION=VALUE:...")
    kind = known[name].annotation if name in known else str
    if kind not in (int, str, str | pathlib.Path):
        raise InputError(f"features {asked!r}: {name} is no number and no file")
    if kind is not int:
        return name, value
    if not value.isdecimal() or int(value) < 1:
        raise InputError(f"features {asked!r}: {name}={value}: expected a number of at least 1")
    return name, int(value)
