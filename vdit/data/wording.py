"""The words of the embedded world: one writer, one parser, one vocabulary."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from vdit.data.render import COLOURS, SHAPES
from vdit.errors import InputError

MOTIONS = {
    "left": "moves left",
    "right": "moves right",
    "up": "moves up",
    "down": "moves down",
    "fall": "falls",
    "jump": "jumps",
}
STRAIGHT, PULLED = ("left", "right", "up", "down"), ("fall", "jump")  # without gravity, and with
BARS = {"": "", "behind": " behind a grey bar", "beside": " beside a grey bar"}


class Phrase(NamedTuple):
    """What a caption says of one object. `motion` is a key of `MOTIONS`."""

    size: str
    colour: str
    shape: str
    motion: str
    bar: str = ""


_PHRASE = re.compile(
    r"a (?P<size>\w+) (?P<colour>{}) (?P<shape>{}) (?P<motion>{})(?P<bar>{})".format(
        *("|".join(words) for words in (COLOURS, SHAPES, MOTIONS.values(), BARS.values()))
    )
)


def write_caption(phrases: Sequence[Phrase]) -> str:
    """Plain words for each object, joined by "and"."""
    return " and ".join(
        f"a {p.size} {p.colour} {p.shape} {MOTIONS[p.motion]}{BARS[p.bar]}" for p in phrases
    )


def parse_caption(caption: str) -> list[Phrase]:
    """What a caption of the embedded world says of each object; `InputError` for any other."""
    return [_parse_phrase(phrase, caption) for phrase in caption.split(" and ")]


def _parse_phrase(phrase: str, caption: str) -> Phrase:
    found = _PHRASE.fullmatch(phrase)
    if not found:
        raise InputError(f"caption {caption!r}: not a caption of the embedded world at {phrase!r}")
    motion = next(name for name, words in MOTIONS.items() if words == found["motion"])
    bar = next(name for name, words in BARS.items() if words == found["bar"])
    return Phrase(found["size"], found["colour"], found["shape"], motion, bar)
