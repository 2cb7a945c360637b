"""Results as JSON and back: what a dataclass says of its fields is all that it takes.

A field that is None, and is so unless told, is left out; a name that Python keeps for itself is
written without its last underscore (`from_` is "from"). What a class names in `WRITTEN` is written
all the same: such fields as null, and properties, for readers of the file.
"""

import math
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

import numpy as np


def to_json(value: Any) -> Any:
    """Dataclasses as dicts, sequences and arrays as lists, None for numbers that aren't finite."""
    if is_dataclass(value):
        always = getattr(value, "WRITTEN", ())
        found = ((f, getattr(value, f.name)) for f in fields(value))
        kept = (
            (f, v) for f, v in found if f.name in always or f.default is not None or v is not None
        )
        told = {_key(f): to_json(v) for f, v in kept}
        return told | {name: to_json(getattr(value, name)) for name in always if name not in told}
    if isinstance(value, Mapping):
        return {str(key): to_json(part) for key, part in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [to_json(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def is_of(kind: type, told: Mapping[str, Any]) -> bool:
    """Whether nothing that the dataclass `kind` can't do without is missing."""
    needed = (f for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING)
    return all(_key(f) in told for f in needed)


def from_json(kind: Any, told: Any) -> Any:
    """The `kind`, a dataclass or what annotates a field, that `to_json` wrote.

    Keys that no field has are passed over; TypeError names a field that is missing.
    """
    if told is None or kind is Any:
        return told
    if is_dataclass(kind):
        return _dataclass(kind, told)
    if kind is np.ndarray:
        return np.array(told, float)
    outer, inner = typing.get_origin(kind), typing.get_args(kind)
    if outer in (types.UnionType, typing.Union):
        return from_json(next(part for part in inner if part is not type(None)), told)
    if outer is tuple:
        each = inner[:1] * len(told) if Ellipsis in inner else inner
        return tuple(from_json(part, v) for part, v in zip(each, told, strict=True))
    if outer is list:
        return [from_json(inner[0], part) for part in told]
    if outer is dict:
        return {inner[0](key): from_json(inner[1], part) for key, part in told.items()}
    return told


def _dataclass(kind, told):
    hints, known = typing.get_type_hints(kind), {}
    for f in fields(kind):
        key = _key(f)
        if key in told:
            known[f.name] = from_json(hints[f.name], told[key])
    return kind(**known)


def _key(f):
    return f.name.rstrip("_")
