"""A number that was asked for, and how well it is known."""

from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Answer:
    """A value, or an array of them, with the ends of its 95 % interval; None where not known."""

    value: Any
    interval: Any = None
    WRITTEN: ClassVar = ("interval",)
