"""What moves between devices in a compiled program: kinds, mesh axes, bytes, read from its HLO.

A compiler for CPUs makes an all-reduce where one for GPUs makes a reduce-scatter.
"""

import re
from typing import NamedTuple

import numpy as np

from vdit.planning.collectives import sent
from vdit.planning.hlo import Program, Run

KINDS = ("all-gather", "all-reduce", "all-to-all", "reduce-scatter", "collective-permute")


class Move(NamedTuple):
    """One collective: `axes` joined by "+", the shapes that come of it, bytes each device sends.

    It runs so many `times`, in a loop over the layers or beside it; others than asynchronous ones
    leave the device waiting.
    """

    kind: str
    axes: str
    shapes: tuple[tuple[int, ...], ...]
    bytes: float
    times: int = 1
    in_loop: bool = False
    asynchronous: bool = False


def moves(program: Program, mesh: dict[str, int]) -> list[Move]:
    """All collectives of a compiled program; `mesh` has its axes in order."""
    runs = program.runs()
    return [_move(run, mesh) for run in runs if run.instruction.op.removesuffix("-start") in KINDS]


def _move(run: Run, mesh: dict[str, int]) -> Move:
    one = result = run.instruction
    kind, begins = one.op.removesuffix("-start"), one.op.endswith("-start")
    if begins:  # its end has the shape of what comes of it
        result = next(i for i in run.neighbours.values() if i.operands == (one.name,))
    places = np.stack(np.unravel_index(_groups(kind, one.attributes), tuple(mesh.values())), -1)
    differ = (places != places[:, :1]).any((0, 1))
    axes = "+".join(name for name, moved in zip(mesh, differ, strict=True) if moved)
    n = places.shape[1]
    whole = result.bytes * n if kind == "reduce-scatter" else result.bytes
    size = result.bytes if kind == "collective-permute" else sent(kind, whole, n)
    waits = not begins or '"is_sync":true' in one.attributes
    return Move(kind, axes, result.shapes, size, run.times, run.in_loop, not waits)


def _groups(kind: str, line: str) -> np.ndarray:
    """(groups, devices in each), in any of the three ways that XLA writes them."""
    if kind == "collective-permute":
        listed = re.search(r"source_target_pairs=\{(.*?)\}\}", line)[1]
        return np.array(re.findall(r"(\d+),(\d+)", listed), int)
    if found := re.search(r"replica_groups=mesh\[(.*?)\](.*?) \{(.*?)\}", line):
        return _of_mesh(*found.groups())
    if found := re.search(r"replica_groups=\[(\d+),(\d+)\]<=(\S+?),? ", line):
        return _counted(found[3]).reshape(int(found[1]), int(found[2]))
    listed = re.search(r"replica_groups=\{(.*?)\}\}", line)[1]
    return np.array([list(map(int, g.split(","))) for g in re.findall(r"\{([\d,]+)", listed)])


def _of_mesh(axes: str, order: str, among: str) -> np.ndarray:
    """Of 'a'=2,'b'=4, perhaps ", device_ids=([2,2,2]T(1,0,2))", and the axes 'b' of a group."""
    sizes = {name: int(n) for name, n in re.findall(r"'(\w+)'=(\d+)", axes)}
    inner = re.findall(r"'(\w+)'", among)
    listed = _counted(order) if order else np.arange(np.prod([*sizes.values()]))
    first = [i for i, name in enumerate(sizes) if name not in inner]
    last = [list(sizes).index(name) for name in inner]
    ids = listed.reshape(*sizes.values()).transpose(first + last)
    return ids.reshape(-1, int(np.prod([sizes[name] for name in inner])))


def _counted(text: str) -> np.ndarray:
    """0, 1, 2, ... as [2,4]T(1,0) has them: written into that shape, its axes in that order."""
    dims, order = re.search(r"\[([\d,]+)\](?:T\(([\d,]+)\))?", text).groups()
    shape = [int(n) for n in dims.split(",")]
    axes = [int(n) for n in order.split(",")] if order else range(len(shape))
    return np.arange(np.prod(shape)).reshape(shape).transpose(axes).reshape(-1)
