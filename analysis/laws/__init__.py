"""One file for one law, found by its name: `analysis.fit --law NAME` fits that of NAME.py.

To add a law, write a file here with its equation, its source, and

    FORM = "L(C) = ..."    the equation in a line, for the terminal
    LAW = ...              a `law.Law`, fitted to losses by the engine, or a `method.Method`

No law is imported to name them all: they import numpy, and `--help` needs none.
"""

import functools
import importlib
import pathlib
import re
from typing import TYPE_CHECKING

from vdit.errors import InputError

if TYPE_CHECKING:
    from analysis.fitting.entry import Entry
    from analysis.laws.law import Law
    from analysis.laws.method import Method

DEFINES = re.compile(r"^LAW = ", re.MULTILINE)


@functools.cache
def names() -> tuple[str, ...]:
    """The laws that there are: the files here that define one."""
    files = sorted(pathlib.Path(__file__).parent.glob("*.py"))
    return tuple(path.stem for path in files if DEFINES.search(path.read_text(encoding="utf-8")))


def find(name: str) -> "Law | Method":
    """The law of that name; `InputError` lists those that there are."""
    return _module(name).LAW


def entry(name: str) -> "type[Entry]":
    """What its entry in fit.json is read as."""
    from analysis.fitting.entry import Entry

    return getattr(find(name), "entry", Entry) if name in names() else Entry


def form(name: str) -> str:
    """Its equation in a line."""
    return _module(name).FORM


def _module(name):
    if name not in names():
        raise InputError(f"law is {name!r}, expected one of {', '.join(names())}")
    return importlib.import_module(f"{__name__}.{name}")
