"""What forecasts gain and lose by windows: with the smallest budget, without it, both.

Of planted sweeps, and of tables whose later budgets are known: from every prefix of their budgets.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.calibration import designs, frontier, table
from analysis.calibration.designs import Design
from analysis.frontier import forecast, minima
from analysis.frontier.forecast import Outlook
from vdit.errors import InputError

WINDOWS = {"all budgets": (0,), "without the smallest": (1,), "both": (0, 1)}
FEWEST = 4  # budgets of a prefix
TIMES = (2.0, 4.0, 8.0)  # its largest budget
FAR = 4  # times the next budget's compute
WARNED = "both"  # whose forecasts say whether they hang on the smallest budget


@dataclass(frozen=True)
class Told:
    """One forecast: log error of its middle, whether its interval held, log width, and its word."""

    error: float
    inside: bool
    width: float
    warned: bool


def of_designs(
    sweeps: int,
    seed: int,
    chosen: Sequence[Design],
    workers: int | None = None,
    progress: Callable[[Iterable, int], Iterable] = lambda results, total: results,
) -> list[dict[str, Any]]:
    """A row for each design, compute and window, of forecasts of its next budget and FAR times."""
    found: dict[tuple, list[Told]] = {}
    for name, judged in table.shared(_chunk, sweeps, seed, chosen, workers, progress):
        for key, told in judged:
            found.setdefault((name, *key), []).append(told)
    return [row(*key, told) for key, told in found.items()]


def _chunk(job):
    design, seed, first, last = job
    streams = [table.stream(design, seed, index) for index in range(first, last)]
    return design.name, [told for rng in streams for told in _planted(design, rng)]


def _planted(design, rng):
    runs = frontier.seen(design, designs.sweep(design, rng))
    found = minima.measure(runs, "loss", "params")[1]
    coming = designs.budgets(design)[-1] * np.array([1, FAR])
    truth = np.log(designs.best(design, coming)[1])
    off = np.hypot(found.loss_sd[-1], design.errors) * rng.standard_normal(len(truth))
    for window, left_out in WINDOWS.items():
        whole = forecast.outlook(found, runs, frontier.COLUMNS, left_out)
        for flops, loss, more in zip(coming.tolist(), truth, off, strict=True):
            times = flops / float(np.exp(found.log_c[-1]))
            yield (round(times, 3), window), _told(whole, flops, loss, loss + more)


def of_tables(paths: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each results table, times of compute and window, over its prefixes.

    InputError of a table without measured noise, or without a later budget to ask for.
    """
    from analysis.fitting.rows import swept
    from analysis.frontier import selection
    from analysis.table import reading

    found: dict[tuple, list[Told]] = {}
    for path in paths:
        rows = swept(reading.load(path, lambda line: None), path)
        columns = {role: rows.columns.get(role, role) for role in frontier.COLUMNS}
        selected = selection.select(rows.as_results(), columns["loss"], columns["params"], path)[0]
        told = list(of_prefixes(selected, columns, path))
        if not told:
            raise InputError(
                f"{path}: {selected['flops_budget'].nunique()} budgets, expected {FEWEST + 1} or "
                f"more, one of them {', '.join(f'{t:g}' for t in TIMES)} times another after the "
                f"first {FEWEST - 1}"
            )
        for times, window, one in told:
            found.setdefault((path, times, window), []).append(one)
    return [row(*key, told) for key, told in found.items()]


def of_prefixes(
    rows: pd.DataFrame, columns: dict[str, str], name: str = "table"
) -> Iterator[tuple[float, str, Told]]:
    """(times the prefix's largest budget, window, Told) of a table; `columns` by role.

    What came is the minimum of all runs of the table. InputError where noise is not known.
    """
    loss, size = columns["loss"], columns["params"]
    known = minima.measure(rows, loss, size)[1]
    for count in range(FEWEST, len(known.log_c)):
        largest = float(np.exp(known.log_c[count - 1]))
        seen = rows[rows["flops_budget"] <= largest * (1 + 1e-6)]
        found = minima.measure(seen, loss, size)[1]
        if found.noise is None:
            raise InputError(
                f"{name}: no noise is known of its first {count} budgets, expected several seeds "
                "of a cell or more sizes of a budget"
            )
        for window, left_out in WINDOWS.items():
            whole = forecast.outlook(found, seen, columns, left_out)
            for times in TIMES:
                at = np.flatnonzero(np.isclose(known.log_c, np.log(times * largest), atol=0.02))
                if len(at):
                    came = float(np.log(known.loss[at[0]]))
                    yield times, window, _told(whole, times * largest, came, came)


def _told(whole: Outlook, flops: float, truth: float, came: float) -> Told:
    said = whole.at(flops)
    low, high = np.log(said.interval) if said.interval else (-np.inf, np.inf)
    inside = bool(low <= came <= high)
    return Told(float(np.log(said.loss)) - truth, inside, float(high - low), said.hangs_on_smallest)


def row(name: str, times: float, window: str, told: Sequence[Told]) -> dict[str, Any]:
    """How the forecasts of one kind did: rms error and mean in percent, how many intervals held."""
    error = 100 * np.array([one.error for one in told])
    return {
        "of": name,
        "times": times,
        "window": window,
        "forecasts": len(told),
        "rms": round(float(np.sqrt((error**2).mean())), 3),
        "bias": round(float(error.mean()), 3),
        "inside": sum(one.inside for one in told),
        "width": round(100 * float(np.mean([one.width for one in told])), 2),
        "warned": sum(one.warned for one in told) if window == WARNED else None,
    }
