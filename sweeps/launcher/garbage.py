"""Python's search for garbage in cycles, left out where there is much to read and none of it."""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Of 20,000 runs the configs alone are a million objects: to look through them again and again
    took a quarter of the time of `status`. What is in no cycle is freed at once all the same."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
