"""A compiled program as XLA writes it: computations of instructions, and how often each runs.

The one reader of the text that `jax.stages.Compiled.as_text` gives. What moves between devices is
read from it in `traffic`, what moves through a device's memory in `kernels`. No JAX here.
"""

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

COMPUTATION = re.compile(r"(ENTRY )?%?([\w.\-]+) \(.*\{$")
INSTRUCTION = re.compile(r"\s+(ROOT )?%?([\w.\-]+) = (\(.*?\)|\S+) ([\w\-]+)\((.*)")
ARRAY = re.compile(r"\b(?:pred|[a-z]+(\d+)\w*)\[([\d,]*)\]")
TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"\}')
# What names the computations that an instruction runs; a fusion's is no program, but one kernel.
CALLED = {
    "while": r"body=%?([\w.\-]+)",
    "call": r"to_apply=%?([\w.\-]+)",
    "async-start": r"calls=%?([\w.\-]+)",
    "conditional": r"(?:_computation=|branch_computations=\{|, )%([\w.\-]+)",
}


class Instruction(NamedTuple):
    """`name = shape op(operands), attributes`; `operands` of a parameter or constant are its text.

    The shape is XLA's: `bf16[4,8]{1,0}`, or several of them in a tuple.
    """

    name: str
    shape: str
    op: str
    operands: tuple[str, ...]
    attributes: str
    is_root: bool

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Axes of every array of the result."""
        found = (dims for _, dims in ARRAY.findall(self.shape))
        return tuple(tuple(map(int, filter(None, dims.split(",")))) for dims in found)

    @property
    def bytes(self) -> int:
        """Of all arrays of the result."""
        bits = (int(size or 8) for size, _ in ARRAY.findall(self.shape))
        return sum(math.prod(s) * b // 8 for s, b in zip(self.shapes, bits, strict=True))

    @property
    def called(self) -> str | None:
        """The computation that it calls."""
        found = re.search(r"\bcalls=%?([\w.\-]+)", self.attributes)
        return found and found[1]


Computation = dict[str, Instruction]


class Run(NamedTuple):
    """An instruction among its neighbours, and how often a call of the program runs it."""

    instruction: Instruction
    neighbours: Computation
    times: int
    in_loop: bool


class Program(NamedTuple):
    """Computations by name; `entry` is where the program begins."""

    computations: dict[str, Computation]
    entry: str

    def runs(self) -> Iterator[Run]:
        """Every instruction that runs: a loop's as often as it turns, a fusion as one.

        Raises `ValueError` for a loop of which XLA does not know how often it turns.
        """
        yield from self._runs(self.entry, 1, False)

    def _runs(self, name: str, times: int, in_loop: bool) -> Iterator[Run]:
        neighbours = self.computations[name]
        for one in neighbours.values():
            yield Run(one, neighbours, times, in_loop)
            if one.op in CALLED:
                is_loop = one.op == "while"
                turns = times * (_trips(one) if is_loop else 1)
                for inner in re.findall(CALLED[one.op], one.attributes):
                    yield from self._runs(inner, turns, in_loop or is_loop)


def read(text: str) -> Program:
    """The program of an HLO module's text."""
    computations, entry, here = {}, "", {}
    for line in text.splitlines():
        if found := INSTRUCTION.match(line):
            one = _instruction(*found.groups())
            here[one.name] = one
        elif found := COMPUTATION.match(line):
            here = computations[found[2]] = {}
            entry = found[2] if found[1] else entry
    return Program(computations, entry)


def _instruction(root: str, name: str, shape: str, op: str, rest: str) -> Instruction:
    inside, _, attributes = rest.partition(")")
    named = re.findall(r"%([\w.\-]+)", inside)
    return Instruction(name, shape, op, tuple(named or [inside]), attributes, bool(root))


def _trips(loop: Instruction) -> int:
    if found := TRIPS.search(loop.attributes):
        return int(found[1])
    raise ValueError(f"{loop.name}: XLA does not know how often this loop turns")
