"""What moves through a device's memory in a compiled program: its kernels, read from its HLO.

A kernel reads its operands and writes its results, each once: what a cache saves, or what is read
again, no text says. Of an array that a kernel only slices, or updates a slice of, the slice counts.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from vdit.planning.hlo import Computation, Instruction, Program, Run
from vdit.planning.traffic import KINDS

# What launches nothing: names, views, ends of what has begun, programs whose kernels are counted.
SILENT = {
    *("parameter", "constant", "get-tuple-element", "tuple", "bitcast", "after-all", "iota"),
    *("while", "call", "conditional", "async-start", "opt-barrier", "partition-id"),
}
SLICES = ("dynamic-slice", "slice", "gather")
# What changes no number.
MOVES = {
    *("parameter", "constant", "bitcast", "copy", "transpose", "reshape", "broadcast", "tuple"),
    *(*SLICES, "dynamic-update-slice", "concatenate", "pad", "get-tuple-element", "iota"),
}
PRODUCTS, ATTENTION, COLLECTIVES = "products", "attention", "collectives"
FILLS, COPIES, REST = "fills", "copies", "element-wise, sums"


class Kernel(NamedTuple):
    """One kernel, what it is for, how often it runs, and the bytes that it moves each time."""

    name: str
    kind: str
    times: int
    bytes: int


def kernels(program: Program) -> list[Kernel]:
    """Of one call of a program."""
    runs = ((run, run.instruction.op) for run in program.runs())
    return [_kernel(program, r) for r, op in runs if op not in SILENT and not op.endswith("-done")]


def moved(found: Iterable[Kernel]) -> dict[str, tuple[int, int]]:
    """Kind to (kernels, bytes) of all runs, the most bytes first."""
    sums = defaultdict(lambda: (0, 0))
    for k in found:
        count, size = sums[k.kind]
        sums[k.kind] = count + k.times, size + k.times * k.bytes
    return dict(sorted(sums.items(), key=lambda item: -item[1][1]))


def _kernel(program: Program, run: Run) -> Kernel:
    one, near = run.instruction, run.neighbours
    arrays = [near[name].bytes for name in one.operands if name in near]
    read, written = sum(arrays), one.bytes
    if body := program.computations.get(one.called or "", {}):
        read = sum(min(n, _read(program, body, i)) for i, n in enumerate(arrays))
        written = _written(program, body, _root(body))
    elif one.op.endswith("-start"):  # its shape is that of its operands and its results
        read = 0
    elif one.op in SLICES:
        read = written
    elif one.op == "dynamic-update-slice":
        read = written = arrays[1]
    return Kernel(one.name, _kind(program, one, body, read), run.times, read + written)


def _kind(program: Program, one: Instruction, body: Computation, read: int) -> str:
    if "fmha" in one.attributes:
        return ATTENTION
    if one.op.removesuffix("-start") in KINDS:
        return COLLECTIVES
    inside = [*_all(program, body)] or [one]
    if any(i.op == "dot" or "gemm" in i.attributes for i in inside):
        return PRODUCTS
    if any(i.op not in MOVES and any(i.shapes) for i in inside):
        return REST
    return COPIES if read else FILLS


def _all(program: Program, body: Computation) -> Iterable[Instruction]:
    """A fusion's instructions, with those of fusions within."""
    for one in body.values():
        inner = one.called if one.op == "fusion" else None
        yield from _all(program, program.computations[inner]) if inner else [one]


def _root(body: Computation) -> Instruction:
    return next(one for one in body.values() if one.is_root)


def _read(program: Program, body: Computation, index: int) -> float:
    """Bytes of a fusion's parameter that it reads; infinity for all of it."""
    is_it = ("parameter", (str(index),))
    name = next(one.name for one in body.values() if (one.op, one.operands) == is_it)
    return _read_of(program, body, name)


def _read_of(program: Program, body: Computation, name: str) -> float:
    uses = ((u, i) for u in body.values() for i, o in enumerate(u.operands) if o == name)
    return sum(_read_by(program, body, user, i) for user, i in uses)


def _read_by(program: Program, body: Computation, user: Instruction, index: int) -> float:
    if user.op == "bitcast":
        return _read_of(program, body, user.name)
    if user.op == "fusion":
        return _read(program, program.computations[user.called], index)
    if user.op in SLICES and index == 0:
        return user.bytes
    return 0 if user.op == "dynamic-update-slice" and index == 0 else float("inf")


def _written(program: Program, body: Computation, one: Instruction) -> int:
    """Bytes of a fusion's result that it writes: of an array updated in place, the update."""
    inputs = [body[name] for name in one.operands if name in body]
    if one.op == "fusion":
        inner = program.computations[one.called]
        return _written(program, inner, _root(inner))
    if one.op == "tuple":
        return sum(_written(program, body, i) for i in inputs)
    if one.op == "bitcast":
        return _written(program, body, inputs[0])
    if one.op == "dynamic-update-slice" and _is_given(body, inputs[0]):
        return inputs[1].bytes
    return one.bytes


def _is_given(body: Computation, one: Instruction) -> bool:
    while one.op == "bitcast":
        one = body[one.operands[0]]
    return one.op == "parameter"
