"""Seconds of wall clock and of CPU, by what they were spent on."""

import contextlib
import time
from collections.abc import Iterator
from typing import NamedTuple


class Seconds(NamedTuple):
    """Since some moment; those of CPU are of all threads of this process."""

    wall: float
    cpu: float

    @classmethod
    def now(cls) -> "Seconds":
        """Two such are told apart."""
        return cls(time.perf_counter(), time.process_time())

    def since(self, began: "Seconds") -> "Seconds":
        """Between the two."""
        return Seconds(self.wall - began.wall, self.cpu - began.cpu)

    def __str__(self) -> str:
        return f"{self.wall:.1f} s ({self.cpu:.1f} of CPU)"


class Spent:
    """From when it was made: all of it, and that of named parts."""

    def __init__(self) -> None:
        self._began = Seconds.now()
        self.parts: dict[str, Seconds] = {}

    @contextlib.contextmanager
    def on(self, part: str) -> Iterator[None]:
        """What passes within is added to this part's."""
        began = Seconds.now()
        yield
        more, before = Seconds.now().since(began), self.parts.get(part, Seconds(0, 0))
        self.parts[part] = Seconds(before.wall + more.wall, before.cpu + more.cpu)

    def __str__(self) -> str:
        """In a line, such as "losses 1.2 s (2.1 of CPU), all 3.0 s (5.1 of CPU)"."""
        every = self.parts | {"all": Seconds.now().since(self._began)}
        return ", ".join(f"{part} {seconds}" for part, seconds in every.items())
