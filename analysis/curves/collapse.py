"""Do the loss curves of compute-optimal runs fall onto one? (2507.02119)

(L(x) - E) / (L(1) - E), x the share of a run's training, is one curve for all sizes that are
trained as well as each other: a run that leaves it is mistuned (its learning rate, length, data).
The deviation of a run is the rms over x of the log of its curve over the median of the others', as
a share of how far that median itself falls. E is given, or the floor at which the deviations are
least. What is left of the batches' noise after averaging over a bin of x stands beside it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from vdit.errors import InputError

START, BINS = 0.1, 10  # of x: before, runs warm up
LEAST = 3  # runs
POINTS = 2  # of a run, for each bin
FLOORS = 200
LIMIT = 3.0  # times the median deviation, or the run's own noise: then it is flagged


@dataclass(frozen=True)
class Run:
    """How far one run's curve leaves that of the others, and what of it is noise of batches."""

    run: str
    label: str
    deviation: float
    noise: float
    flagged: bool
    curve: np.ndarray  # (BINS,) normalised loss


@dataclass(frozen=True)
class Collapse:
    """The floor, the middle of each bin of x, and every run."""

    floor: float
    x: np.ndarray  # (BINS,)
    runs: list[Run]


def chosen(curves: pd.DataFrame) -> pd.DataFrame:
    """The curves of the best run of each compute budget, by its last tenth; all without budgets."""
    if "flops_budget" not in curves or not (curves["flops_budget"] > 0).any():
        return curves
    ends = curves[curves["steps"] > 0.9 * curves.groupby("run_id")["steps"].transform("max")]
    ends = ends.groupby(["flops_budget", "run_id"])["loss"].mean().reset_index()
    best = ends.loc[ends.groupby("flops_budget")["loss"].idxmin(), "run_id"]
    return curves[curves["run_id"].isin(best)]


def collapse(
    curves: pd.DataFrame,
    floor: float | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Collapse:
    """The collapse of a table of curves: run_id, steps, loss (and flops_budget, size for labels).

    Runs of too few points are left out, which `tell` hears; InputError where less than three stay.
    """
    parts = _parts(curves, tell)
    means, errors = (np.stack(v) for v in zip(*map(_binned, parts.values()), strict=True))
    floor = _floor(means) if floor is None else floor
    if not floor < means.min():
        raise InputError(f"the floor {floor:g} is not below the lowest loss, {means.min():g}")
    logs = _normalised(means, floor)
    noise, edges = _noise(means, errors, floor, logs), np.linspace(START, 1, BINS + 1)
    return Collapse(float(floor), (edges[1:] + edges[:-1]) / 2, _runs(parts, logs, noise))


def _parts(curves, tell):
    """{run: its points}, smallest budget first, of the runs that have enough."""
    order = ["flops_budget", "run_id"] if "flops_budget" in curves else ["run_id"]
    groups = curves.groupby(order, dropna=False)
    parts = {str(key[-1]): part.sort_values("steps") for key, part in groups}
    for run in [run for run, part in parts.items() if not _enough(part)]:
        tell(f"run {run}: left out, fewer than {POINTS * BINS} points or a tenth of it without any")
        del parts[run]
    if len(parts) < LEAST:
        raise InputError(f"{len(parts)} curves: at least {LEAST} can be compared")
    return parts


def _runs(parts, logs, noise):
    deviation = _deviations(logs)
    most = LIMIT * np.maximum(np.median(deviation), noise)
    found = zip(parts.items(), deviation, noise, most, np.exp(logs), strict=True)
    return [
        Run(run, _label(part), float(off), float(sd), bool(off > limit), curve)
        for (run, part), off, sd, limit, curve in found
    ]


def _bins(part):
    """The bin of each point; below zero before START."""
    x = part["steps"].to_numpy() / part["steps"].max()
    return np.ceil((x - START) / (1 - START) * BINS).astype(int) - 1


def _enough(part):
    counts = np.bincount(_bins(part).clip(-1) + 1, minlength=BINS + 1)[1:]
    return counts.min() > 0 and counts.sum() >= POINTS * BINS


def _binned(part):
    """Mean loss and its standard error in each bin of x (BINS,)."""
    bins, loss = _bins(part), part["loss"].to_numpy(float)
    bins, loss = bins[bins >= 0], loss[bins >= 0]
    counts = np.bincount(bins, minlength=BINS)
    # Neighbours differ by noise, not by the curve: half their squared difference is its variance.
    variance = np.mean(np.diff(loss) ** 2) / 2
    return np.bincount(bins, loss, BINS) / counts, np.sqrt(variance / counts)


def _normalised(means, floor):
    """Log of (L - E) / (L(1) - E), (runs, BINS); the last bin stands for the end."""
    above = np.log(means - floor)
    return above - above[:, -1:]


def _deviations(logs):
    """Of each run (runs,): rms distance to the median of the others, over the rms of that."""
    found = np.empty(len(logs))
    for run in range(len(logs)):
        others = np.median(np.delete(logs, run, 0), axis=0)
        found[run] = np.sqrt(np.mean((logs[run] - others) ** 2) / np.mean(others**2))
    return found


def _noise(means, errors, floor, logs):
    """What the noise of batches alone does to a deviation (runs,)."""
    relative = errors / (means - floor)
    variance = np.mean(relative**2 + relative[:, -1:] ** 2, axis=1)
    return np.sqrt(variance / np.mean(np.median(logs, axis=0) ** 2))


def _floor(means):
    """The floor below the lowest loss at which the median deviation is least."""
    floors = means.min() * (1 - np.geomspace(0.01, 1, FLOORS))
    return floors[np.argmin([np.median(_deviations(_normalised(means, f))) for f in floors])]


def _label(part: Mapping[str, pd.Series]) -> str:
    """What a run is called: its size and its budget where they are known."""
    first = part.iloc[0]
    words = [str(first["size"])] if "size" in part else []
    words += [f"{first['flops_budget']:.3g} FLOPs"] if "flops_budget" in part else []
    return ", ".join(words) or str(first["run_id"])
