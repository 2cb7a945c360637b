"""Seconds of the engine and of the usual way, on one table, in one process."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analysis.engine import fit as engine
from analysis.engine.problem import problem
from analysis.laws.registry import LAWS
from analysis.speed import usual

BOOTSTRAPS = 1000
SAME = 1e-4  # a descent reached the optimum whose objective is within this share of it
LIBRARY = {True: "scipy L-BFGS-B, analytic gradient", False: "scipy L-BFGS-B, finite differences"}


@dataclass(frozen=True)
class Row:
    """One line of the speed table."""

    what: str
    how: str
    descents: int  # the whole job: starts, or resamples
    measured: int  # descents timed; where fewer, seconds are scaled up
    seconds: float
    reached: float  # share at the optimum: of starts followed, or of resamples
    ratio: float  # times the engine's seconds

    @property
    def per_fit(self) -> float:
        """Seconds for each descent."""
        return self.seconds / self.descents


def synthetic(rows: int = 240, seed: int = 0) -> dict[str, np.ndarray]:
    """{"params", "tokens", "loss"} (rows,): the published law and 1 % noise, as Epoch's table."""
    rng = np.random.default_rng(seed)
    n = np.exp(rng.uniform(np.log(5e7), np.log(1.6e10), rows))
    c = np.exp(rng.uniform(np.log(6e18), np.log(3e21), rows))
    d = c / (6 * n)
    noise = np.exp(0.01 * rng.standard_normal(rows))
    return {"params": n, "tokens": d, "loss": (1.82 + 480 / n**0.35 + 2100 / d**0.37) * noise}


def race(
    table: Mapping[str, np.ndarray], sample: int = 100, bootstraps: int = BOOTSTRAPS, seed: int = 0
) -> list[Row]:
    """The Rows: one fit, then its bootstrap, each by the engine and by scipy's two loops.

    table: {"params", "tokens", "loss"} (R,); sample: descents timed of each of scipy's loops.
    """
    rng = np.random.default_rng(seed)
    inputs = {name: np.asarray(table[name], float) for name in ("params", "tokens")}
    posed = problem(LAWS["chinchilla"], inputs, np.asarray(table["loss"], float))
    engine.fit(posed, starts=20)  # imports and first allocations are nobody's fit
    logs = *(np.log(inputs[name]) for name in inputs), np.log(posed.loss)
    seconds, fitted = _timed(lambda: engine.fit(posed))
    starts = fitted.status.starts
    rows = [Row("one fit", "engine", starts, starts, seconds, fitted.status.agree, 1.0)]
    rows += _usual_fit(logs, fitted.value, seconds, sample, rng)
    return rows + _bootstrap(fitted, logs, bootstraps, sample, rng)


def _usual_fit(logs, optimum, ours, sample, rng):
    """scipy follows every start of the grid: a share of them is timed."""
    starts = len(usual.grid())
    chosen = usual.grid()[rng.choice(starts, sample, replace=False)]
    weight, rows = np.ones(len(logs[0])), []
    for analytic, how in LIBRARY.items():
        seconds, ends = _descents([(start, weight) for start in chosen], logs, analytic)
        seconds *= starts / sample
        reached = float(np.mean(ends <= optimum * (1 + SAME)))
        rows.append(Row("one fit", how, starts, sample, seconds, reached, seconds / ours))
    return rows


def _bootstrap(fitted, logs, bootstraps, sample, rng):
    """All begin a resample at the optimum of the fit."""
    count = len(fitted.problem.loss)
    weights = rng.multinomial(count, np.full(count, 1 / count), bootstraps).astype(float)
    ours, (_, values) = _timed(lambda: engine.refit(fitted, weights=weights))
    what, start = f"{bootstraps:,} bootstraps", _start(fitted)
    tasks = [(start, weight) for weight in weights[:sample]]
    timed = {how: _descents(tasks, logs, analytic) for analytic, how in LIBRARY.items()}
    # Nobody knows a resample's optimum: the lowest that any of the three found stands for it.
    every = [values[:sample], *(ends for _, ends in timed.values())]
    best = np.min(every, axis=0) * (1 + SAME)
    reached = float(np.mean(values[:sample] <= best))
    rows = [Row(what, "engine", bootstraps, bootstraps, ours, reached, 1.0)]
    for how, (seconds, ends) in timed.items():
        seconds *= bootstraps / len(tasks)
        reached = float(np.mean(ends <= best))
        rows.append(Row(what, how, bootstraps, len(tasks), seconds, reached, seconds / ours))
    return rows


def _start(fitted):
    """The fit's optimum in scipy's parameters."""
    named = fitted.parameters
    logs = np.log([max(named[name], 1e-6) for name in ("A", "B", "E")])
    return np.array([*logs, named["alpha"], named["beta"]])


def _descents(tasks, logs, analytic):
    """Seconds and the objectives (tasks,) of the usual way; tasks: (start, row weights)."""
    return _timed(
        lambda: np.array([usual.descend(start, logs, weight, analytic) for start, weight in tasks])
    )


def _timed(work):
    """The processor's seconds, which others at work on the machine do not lengthen much."""
    before = time.process_time()
    found = work()
    return time.process_time() - before, found
