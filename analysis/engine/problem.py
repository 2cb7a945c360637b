"""One fitting problem: a law, its rows in logs about their centre, and what is minimised."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from analysis.engine.objective import Objective
from analysis.laws.law import Law
from vdit.errors import InputError


@dataclass(frozen=True)
class Problem:
    """Rows of one fit."""

    law: Law
    x: np.ndarray  # (I, R) log inputs minus centre
    centre: np.ndarray  # (I,)
    loss: np.ndarray  # (R,)
    objective: Objective
    weight: np.ndarray  # (R,) factor of each row's cost
    cluster: np.ndarray  # (R,) int, rows of one run

    @functools.cached_property
    def log_loss(self) -> np.ndarray:
        """Log losses (R,)."""
        return np.log(self.loss)

    def take(self, rows: np.ndarray) -> "Problem":
        """The Problem of some rows (their numbers, or a mask), about the same centre."""
        parts = {name: getattr(self, name)[rows] for name in ("loss", "weight", "cluster")}
        parts["cluster"] = np.unique(parts["cluster"], return_inverse=True)[1]
        return replace(self, x=self.x[:, rows], **parts)

    def at(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Centred log inputs (I, M) of other rows."""
        logs = [np.log(_column(name, inputs)) for name in self.law.inputs]
        return np.stack(logs) - self.centre[:, None]


def problem(
    law: Law,
    inputs: Mapping[str, np.ndarray],
    loss: np.ndarray,
    objective: Objective | None = None,
    weight: np.ndarray | None = None,
    cluster: np.ndarray | None = None,
) -> Problem:
    """A Problem from arrays by role; InputError says what is missing or not positive.

    weight: (R,) relative precision of each row (ones); cluster: (R,) labels of runs (each its own).
    """
    logs = np.stack([np.log(_column(name, inputs, law.name)) for name in law.inputs])
    loss = _column("loss", {"loss": loss})
    rows = len(loss)
    if logs.shape[1] != rows:
        raise InputError(f"{law.name}: {logs.shape[1]} rows of inputs for {rows} losses")
    if rows < law.minimum_rows:
        raise InputError(
            f"{law.name} has {len(law.parameters)} parameters and needs {law.minimum_rows} rows,"
            f" the table has {rows}"
        )
    weight = np.ones(rows) if weight is None else np.asarray(weight, float)
    labels = np.arange(rows) if cluster is None else np.asarray(cluster)
    centre = law.centre(logs) if hasattr(law, "centre") else logs.mean(1)
    return Problem(
        law,
        logs - centre[:, None],
        centre,
        loss,
        objective or Objective(),
        weight,
        np.unique(labels, return_inverse=True)[1],
    )


def _column(name, inputs, law=None):
    if name not in inputs:
        raise InputError(f"{law or 'the law'} needs {name}, which the table lacks")
    values = np.atleast_1d(np.asarray(inputs[name], float))
    if not (np.isfinite(values) & (values > 0)).all():
        raise InputError(f"{name} holds numbers that are not finite and above zero")
    return values
