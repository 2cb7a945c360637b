"""The string behind a config's name: `experiments/base.py:size=S,wandb=True`."""

import ast
from typing import Any

from vdit.errors import InputError


def parse(arg: str | None, **defaults: Any) -> dict[str, Any]:
    """`key=value,key=value` over defaults; a value has its default's type.

    Raises `InputError` for a key that is not among the defaults, or a value of another type.
    """
    values = dict(defaults)
    for item in filter(None, (arg or "").split(",")):
        key, equals, text = item.partition("=")
        if key not in defaults or not equals:
            raise InputError(
                f"config argument {item!r}: expected {' or '.join(f'{k}=' for k in defaults)}"
            )
        values[key] = _cast(key, text, defaults[key])
    return values


def _cast(key, text, default):
    if isinstance(default, str):
        return text
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = text
    if type(value) is not type(default):
        raise InputError(f"config argument {key}={text}: expected a {type(default).__name__}")
    return value
