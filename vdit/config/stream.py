"""The train split as a stream: what a run sees depends on its own length alone.

The stream comes in parts of N = `data.train_clips` clips; part c is clips [cN, (c + 1)N) of the
split. A run passes over part 0 `data.epochs` times, each pass in an order of its own, then over
part 1 as often, and so on: no clip is seen more often, and a longer run begins as a shorter one
does. With `epochs` of 0 there is one part, passed over for ever: a set that has an end.
"""

import math
from typing import Any


def epochs_of(data: Any) -> int:
    """`data.epochs`; 0 where the config is of older code, which had no such key."""
    return data.get("epochs", 0)


def parts(clips: int, part: int, epochs: int) -> int:
    """How many parts of `part` clips a run of so many clips reads."""
    return math.ceil(clips / (part * epochs)) if epochs else 1


def unique_clips(clips: int, part: int, epochs: int) -> int:
    """How many different clips such a run has seen."""
    if not epochs:
        return min(clips, part)
    whole, rest = divmod(clips, part * epochs)
    return whole * part + min(rest, part)
