"""Where the seconds of a process went: each is of one kind, so that the kinds add up to the whole.

JAX itself says what compiling takes (tracing, lowering, XLA, reading the persistent cache).
"""

import collections
import contextlib
import functools
import time
from collections.abc import Callable, Iterator

KINDS = ("training", "compiling", "measuring", "waiting", "saving", "other")
COMPILING = "/jax/core/compile/"


class Goodput:
    """Seconds by kind since it was made; they are of kind `other` until told otherwise."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter):
        self._clock, self._kind, self._since = clock, "other", clock()
        self._seconds = collections.Counter(dict.fromkeys(KINDS, 0.0))
        self._compiled: list[tuple[float, float]] = []

    @contextlib.contextmanager
    def to(self, kind: str) -> Iterator[None]:
        """Seconds within are of this kind, but for those that are told apart further in."""
        before = self._switch(kind)
        try:
            yield
        finally:
            self._switch(before)

    def move(self, kind: str, seconds: float) -> None:
        """Seconds that have just passed were of this kind."""
        self._seconds[kind] += seconds
        self._seconds[self._kind] -= seconds

    def totals(self) -> dict[str, float]:
        """Seconds by kind, up to now."""
        self._switch(self._kind)
        return dict(self._seconds)

    def compiled(self, event: str, seconds: float, **_: object) -> None:
        """A listener for JAX's events. One that ends may hold others that ended before it."""
        if not event.startswith(COMPILING):
            return
        end, inside = self._clock(), 0.0
        while self._compiled and self._compiled[-1][0] >= end - seconds:
            began, until = self._compiled.pop()
            inside += until - began
        self._compiled = [*self._compiled[-99:], (end - seconds, end)]
        self.move("compiling", seconds - inside)

    def _switch(self, kind: str) -> str:
        now, before = self._clock(), self._kind
        self._seconds[before] += now - self._since
        self._kind, self._since = kind, now
        return before


GOODPUT = Goodput()  # of this process


@functools.cache
def listen() -> None:
    """Has JAX tell this process's account what compiling takes."""
    import jax

    jax.monitoring.register_event_duration_secs_listener(GOODPUT.compiled)
