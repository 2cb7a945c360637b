"""What the runs of a sweep of learning rate and batch say, for fit.json and for people."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.engine.status import Status
from analysis.fitting.entry import SQUARES, Entry
from analysis.laws.cells import Cell, Diverged, Noise
from analysis.laws.loglinear import LogLinear
from analysis.laws.valley import Valley
from analysis.table.dropped import listed

CELLS = 12  # at most so many cells have a line


@dataclass(frozen=True)
class Cost:
    """Share of loss lost at half and at double the best setting.

    one_percent: which larger batch costs 1 %, rate retuned, a critical batch in the sense of
    1812.06162: how far steps can be traded for batch.
    """

    half: float
    double: float
    one_percent: float | None = None

    def line(self, axis: str) -> str:
        """For the terminal."""
        line = f"  {axis}: half the best costs {self.half:.2%} of loss, double {self.double:.2%}"
        if self.one_percent is None:
            return line
        return f"{line}; {self.one_percent:.2g} times costs 1 % with the rate retuned"


@dataclass(frozen=True, kw_only=True)
class Tuned(Entry):
    """The laws' entry in fit.json; `cells` as `Cell.as_dict` says them, with intervals."""

    inputs: tuple[str, ...]
    noise: Noise | None
    costs: dict[str, Cost]
    cells: list[dict[str, Any]]
    diverged: tuple[Diverged, ...]
    laws: dict[str, LogLinear]


@dataclass(frozen=True)
class Hyperparameters:
    """The laws of learning rate and batch, and the cells and runs that they rest on."""

    n: int
    inputs: tuple[str, ...]
    laws: dict[str, LogLinear]  # by axis, of those that could be fitted
    said: dict[str, str]  # by axis: how many cells have an optimum inside, what is missing
    cells: tuple[Cell, ...]
    noise: Noise | None  # of log loss about the valley
    costs: dict[str, Cost]  # by axis
    diverged: tuple[Diverged, ...]

    def entry(self) -> Tuned:
        """As it stands in fit.json."""
        word = "converged" if self.laws else "not identified"
        gone = [f"{len(self.diverged)} of {self.n} runs diverged"] if self.diverged else []
        return Tuned(
            law="hyperparameters",
            objective=SQUARES if self.laws else None,
            n=self.n,
            inputs=self.inputs,
            parameters=self._flat(LogLinear.parameters),
            intervals=self._flat(LogLinear.intervals),
            status=Status.of(f"{word}: {'; '.join([*self.said.values(), *gone])}"),
            noise=self.noise,
            costs=self.costs,
            cells=[cell.as_dict(self.noise) for cell in self.cells],
            diverged=self.diverged,
            laws=self.laws,
            lines=tuple(self._lines()),
        )

    def _flat(self, part):
        return {f"{axis}_{k}": v for axis, law in self.laws.items() for k, v in part(law).items()}

    def _lines(self):
        """What a mistuned setting costs, cells that tell no optimum, or all where there is no law,
        and the runs that diverged, for people."""
        text = [cost.line(axis) for axis, cost in self.costs.items()]
        shown = [cell.line(self.noise) for cell in self.cells if cell.reason or not self.laws]
        text += shown[:CELLS] + [f"  and {len(shown) - CELLS} cells more"] * (len(shown) > CELLS)
        gone = defaultdict(list)
        for run in self.diverged:
            gone[run.words.split(":")[0]].append(run.name or f"row {run.row + 1}")
        return text + [f"  left out, {words}: {listed(rows)}" for words, rows in gone.items()]


def costs(axes: Sequence[str], floor: Valley | None) -> dict[str, Cost]:
    """What half and double the best setting cost, by axis."""
    if floor is None or not floor.sound:
        return {}
    step = np.log(2) * np.eye(len(axes))
    half, double = (np.expm1(floor.rise(sign * step)).tolist() for sign in (-1, 1))
    alone = 1 / np.linalg.inv(floor.bend)[-1, -1]
    larger = float(np.exp(np.sqrt(2 * np.log(1.01) / alone)))
    return {
        axis: Cost(half[i], double[i], larger if axis == "batch" else None)
        for i, axis in enumerate(axes)
    }
