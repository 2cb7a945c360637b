"""The slots of a pack at each step, and in which mode a run trains. No JAX: launchers ask too."""

import pathlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from vdit.runs import folder
from vdit.runs.files import find_json, require, write_json

MODE = "mode.json"


class Stage(NamedTuple):
    """A stretch of a pack's steps with the same slots, by their places in the pack."""

    begin: int
    end: int
    slots: tuple[int, ...]


def stages(lengths: Sequence[int]) -> list[Stage]:
    """How a pack of runs of these lengths (steps) shrinks.

    A slot whose run has ended stays, idle, until half of the slots are; then the living go on in
    a smaller program. It follows from the lengths alone: a pack that is resumed, or in which a run
    diverged, trains each step in as many slots as an unbroken one, which keeps the bits.
    """
    out, begin, slots = [], 0, tuple(range(len(lengths)))
    for end in sorted(set(lengths)):
        living = tuple(i for i in slots if lengths[i] > end)
        if 2 * len(living) <= len(slots):
            out.append(Stage(begin, end, slots))
            begin, slots = end, living
    return out


def idle_steps(lengths: Sequence[int]) -> int:
    """Steps that the slots of a pack stand idle while others train."""
    return sum((s.end - s.begin) * len(s.slots) for s in stages(lengths)) - sum(lengths)


def record_mode(workdir: pathlib.Path, mode: str, pack: Sequence = ()) -> None:
    """Writes how a run trains: alone (`one`, `side_by_side`), or `packed`, and in which slots."""
    write_json(pathlib.Path(workdir) / MODE, {"mode": mode, "pack": list(pack)})


def recorded_mode(workdir: pathlib.Path) -> dict[str, Any]:
    """How a run trained that has a checkpoint to go on from; {} where it begins anew."""
    return read_mode(workdir) if folder.steps_saved(workdir) else {}


def read_mode(workdir: pathlib.Path) -> dict[str, Any]:
    """What `record_mode` wrote; {} where nothing is. Raises `DamagedFileError`."""
    path = pathlib.Path(workdir) / MODE
    kinds = {"mode": str, "pack": list}
    return find_json(path, "how a run trains", lambda found: require(found, kinds)) or {}
