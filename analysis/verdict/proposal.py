"""One thing that could be done next, and what it costs at the table's own speed.

A proposal is a dict: `do` (words), `runs` ([{flops, size, seeds}]), `predict` (the factor of a
prediction to write down first, or None), `flops`, `gpu_hours`, `device` and `chance` that it
removes what stood in the way (None where nothing is known of it).
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def propose(
    rows: "pd.DataFrame",
    do: str,
    runs: Sequence[Mapping[str, Any]] = (),
    chance: float | None = None,
    predict: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A proposal with the FLOPs of its runs and their hours at the table's own speed."""
    runs = [run for run in runs if run["seeds"] > 0]
    hours, device = _hours(rows, runs)
    return {
        "do": do,
        "runs": runs,
        "predict": predict,
        "flops": float(sum(run["flops"] * run["seeds"] for run in runs)),
        "gpu_hours": hours,
        "device": device,
        "chance": chance,
    }


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
        nearest = np.abs(sizes - math.log(run["size"])).argmin()
        seconds += run["seeds"] * run["flops"] / float(speed.iloc[nearest])
    device = str(timed["device"].iloc[-1]) if "device" in timed.columns else None
    return seconds / 3600, device
