"""What the runs of a sweep of learning rate and batch say, for fit.json and for people."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.laws.cells import Cell, Diverged
from analysis.laws.loglinear import LogLinear
from analysis.laws.valley import Valley


@dataclass(frozen=True)
class Hyperparameters:
    """The laws of learning rate and batch, and the cells and runs that they rest on."""

    n: int
    inputs: tuple[str, ...]
    laws: dict[str, LogLinear]  # by axis, of those that could be fitted
    said: dict[str, str]  # by axis: how many cells have an optimum inside, what is missing
    cells: tuple[Cell, ...]
    noise: dict[str, float] | None  # {"sd", "df"} of log loss about the valley
    costs: dict[str, dict[str, float]]  # share of loss lost at half and double of each best setting
    diverged: tuple[Diverged, ...]

    def as_dict(self) -> dict[str, Any]:
        """The entry of fit.json."""
        word = "converged" if self.laws else "not identified"
        gone = [f"{len(self.diverged)} of {self.n} runs diverged"] if self.diverged else []
        return {
            "law": "hyperparameters",
            "n": self.n,
            "inputs": list(self.inputs),
            "parameters": self._flat(LogLinear.parameters),
            "intervals": self._flat(LogLinear.intervals),
            "derived": {},
            "status": {"word": word, "words": f"{word}: {'; '.join([*self.said.values(), *gone])}"},
            "noise": self.noise,
            "costs": self.costs,
            "cells": [cell.as_dict(self.noise) for cell in self.cells],
            "diverged": [run.as_dict() for run in self.diverged],
            "laws": {axis: law.as_dict() for axis, law in self.laws.items()},
        }

    def _flat(self, part):
        return {f"{axis}_{k}": v for axis, law in self.laws.items() for k, v in part(law).items()}


def costs(axes: Sequence[str], floor: Valley | None) -> dict[str, dict[str, float]]:
    """What half and double the best setting cost, and which larger batch costs 1 %, rate retuned.

    The last is a critical batch in the sense of 1812.06162: how far steps can be traded for batch.
    """
    if floor is None or not floor.sound:
        return {}
    step = np.log(2) * np.eye(len(axes))
    half, double = (np.expm1(floor.rise(sign * step)) for sign in (-1, 1))
    found = {
        axis: {"half": float(half[i]), "double": float(double[i])} for i, axis in enumerate(axes)
    }
    if "batch" in axes:
        alone = 1 / np.linalg.inv(floor.bend)[-1, -1]
        found["batch"]["one_percent"] = float(np.exp(np.sqrt(2 * np.log(1.01) / alone)))
    return found


def lines(result: dict[str, Any]) -> list[str]:
    """What a mistuned setting costs and how many runs diverged, for people."""
    text = []
    for axis, cost in result["costs"].items():
        line = (
            f"  {axis}: half the best costs {cost['half']:.2%} of loss, double {cost['double']:.2%}"
        )
        if "one_percent" in cost:
            line += f"; {cost['one_percent']:.2g} times costs 1 % with the rate retuned"
        text.append(line)
    gone = Counter(run["words"].split(":")[0] for run in result["diverged"])
    text += [f"  {count} runs left out, {words}" for words, count in gone.items()]
    return text
