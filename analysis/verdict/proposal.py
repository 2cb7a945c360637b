"""One thing that could be done next, and what it costs at the table's own speed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Runs:
    """Runs of one size and compute."""

    flops: float
    size: float
    seeds: int = 1


@dataclass(frozen=True)
class Proposal:
    """What to do, in words, with which runs; chance: that it removes what stood in the way.

    None where nothing is known of a chance, of hours or of a device.
    """

    do: str
    runs: tuple[Runs, ...]
    predict: float | None  # the factor of a prediction to write down first
    flops: float
    gpu_hours: float | None
    device: str | None
    chance: float | None


def propose(
    rows: pd.DataFrame,
    do: str,
    runs: Sequence[Runs] = (),
    chance: float | None = None,
    predict: float | None = None,
) -> Proposal:
    """A proposal with the FLOPs of its runs and their hours at the table's own speed."""
    runs = tuple(run for run in runs if run.seeds > 0)
    flops = float(sum(run.flops * run.seeds for run in runs))
    return Proposal(do, runs, predict, flops, *_hours(rows, runs), chance)


def count(value: float) -> str:
    """A number of three digits for people: 66,900."""
    return f"{float(f'{value:.3g}'):,.0f}"


def _hours(rows, runs):
    """GPU-hours at the speed of the table's runs nearest in size; None where it has no times."""
    if not runs:
        return 0.0, None
    if "wall_s" not in rows.columns or rows["wall_s"].isna().all():
        return None, None
    timed = rows.dropna(subset=["wall_s"])
    devices = timed["num_devices"] if "num_devices" in timed.columns else 1.0
    speed = (timed["flops"] / timed["wall_s"] / devices).groupby(timed["params"]).median()
    sizes = np.log(speed.index.to_numpy(float))
    seconds = 0.0
    for run in runs:
        nearest = np.abs(sizes - math.log(run.size)).argmin()
        seconds += run.seeds * run.flops / float(speed.iloc[nearest])
    device = str(timed["device"].iloc[-1]) if "device" in timed.columns else None
    return seconds / 3600, device
