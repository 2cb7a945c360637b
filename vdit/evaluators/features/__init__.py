"""What a video is described by before sets are compared: one file for one extractor, by name.

To add one, write a file with

    def build(*, option=default) -> Extractor

No JAX is imported here.
"""

import functools
import importlib
import inspect
import pkgutil
from typing import Any, Protocol

import numpy as np

from vdit.errors import InputError

SHARED = ("cached",)  # no extractor


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
    options |= dict(_option(asked, text) for text in given)
    if name not in names():
        raise InputError(f"features {name!r}: expected one of {', '.join(names())}")
    build = importlib.import_module(f"{__name__}.{name}").build
    known = inspect.signature(build).parameters
    for option in options:
        if option not in known:
            expected = ", ".join(known) or "none"
            raise InputError(f"features.{name}.{option}: expected one of its options: {expected}")
    missing = [p.name for p in known.values() if p.default is p.empty and p.name not in options]
    if missing:
        raise InputError(f"features.{name}: expected its option {missing[0]}")
    return build(**options)


def _option(asked: str, text: str) -> tuple[str, int | str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"features {asked!r}: expected NAME:OPTION=VALUE:...")
    return name, int(value) if value.isdecimal() else value
