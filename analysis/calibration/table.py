"""Run the sweeps of every design and count how often each interval held the truth."""

import concurrent.futures
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from analysis.calibration import designs, frontier, grids, rows
from analysis.calibration.kept import Job, Kept
from vdit.errors import InputError

CHUNK = 5  # sweeps a worker does before it reports
FEW = 100  # identified sweeps below which a coverage is shown and not judged
LOW, HIGH = 0.93, 0.97


def run(
    sweeps: int,
    seed: int,
    chosen: Sequence[designs.Design | grids.Grid] = designs.DESIGNS,
    workers: int | None = None,
    progress: Callable[[Iterable, int], Iterable] = lambda results, total: results,
    kept: str | None = None,
) -> dict[str, dict[str, list]]:
    """{design: {quantity: [(covered or None, width)]}} over `sweeps` planted sweeps each."""
    found = {design.name: {} for design in chosen}
    for name, judged in shared(_chunk, sweeps, seed, chosen, workers, progress, kept):
        for quantity, marks in judged.items():
            found[name].setdefault(quantity, []).extend(marks)
    return found


def shared(
    work: Callable[[Job], tuple[str, Any]],
    sweeps: int,
    seed: int,
    chosen: Sequence[designs.Design | grids.Grid],
    workers: int | None = None,
    progress: Callable[[Iterable, int], Iterable] = lambda results, total: results,
    kept: str | None = None,
    chunk: int | None = None,
) -> Iterator[tuple[str, Any]]:
    """What `work((design, seed, first, last))` gives of every part of every design's sweeps.

    First what the file `kept` has, however many sweeps; what is done is added to it. All designs
    go on alike, so that a stop leaves as many sweeps of each. InputError where there is nothing.
    """
    file = Kept(kept, work) if kept else None
    if file and file.others:
        print(f"{kept}: {file.others} parts are by other code, not counted", file=sys.stderr)
    of_file = [file.of(design, seed) if file else (0, []) for design in chosen]
    if not sweeps and not any(done for done, _ in of_file):
        raise InputError(f"{kept}: no sweep of these designs and this seed by this code is in it")
    jobs, step = [], chunk or CHUNK
    for design, (done, parts) in zip(chosen, of_file, strict=True):
        yield from ((design.name, judged) for judged in parts)
        jobs += [(design, seed, i, min(i + step, sweeps)) for i in range(done, sweeps, step)]
    jobs.sort(key=lambda job: job[2])
    fresh = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
    with concurrent.futures.ProcessPoolExecutor(workers or os.cpu_count(), fresh) as pool:
        results = progress(pool.map(work, jobs), len(jobs))
        for job, (name, judged) in zip(jobs, results, strict=True):
            if file:
                file.add(job, judged)
            yield name, judged


def _chunk(job):
    design, seed, first, last = job
    judged = {}
    for index in range(first, last):
        # Its own stream for every sweep: the result does not hang on how they are shared out.
        rng = stream(design, seed, index)
        judge = grids.judge if isinstance(design, grids.Grid) else _one
        for quantity, mark in judge(design, rng):
            judged.setdefault(quantity, []).append(mark)
    return design.name, judged


def stream(design: designs.Design | grids.Grid, seed: int, index: int) -> np.random.Generator:
    """The generator of one sweep of a design, which its number among its kind tells apart."""
    kind = grids.GRIDS if isinstance(design, grids.Grid) else designs.DESIGNS
    return np.random.default_rng([seed, kind.index(design), index])


def _one(design, rng):
    sweep = designs.sweep(design, rng)
    said = {} if design.within else frontier.judge(design, sweep, rng)
    if not (design.frontier or design.mistuned):  # else the surface is not what was planted
        said |= rows.judge(design, sweep, rng)
    for quantity, (truth, interval) in said.items():
        if interval is None:
            yield quantity, (None, None)
        else:
            low, high = interval
            yield quantity, (bool(low <= truth <= high), float(high - low))


def table(found: dict[str, dict[str, list]]) -> list[dict[str, Any]]:
    """A list of rows: design, quantity, sweeps, identified, covered, coverage, se, width, judged.

    identified: share of sweeps with an interval; coverage: share of these that held the truth, se
    its binomial error; width: median. judged: "yes" or "no" for 93 to 97 % within two errors, "few"
    where under FEW sweeps were identified.
    """
    return [
        _row(design, quantity, marks)
        for design, judged in found.items()
        for quantity, marks in judged.items()
    ]


def _row(design, quantity, marks):
    held = [covered for covered, _ in marks if covered is not None]
    row = {
        "design": design,
        "quantity": quantity,
        "sweeps": len(marks),
        "identified": round(len(held) / len(marks), 4),
        "covered": sum(held),
    }
    if not held:
        return row | {"coverage": None, "se": None, "width": None, "judged": "none"}
    coverage = float(np.mean(held))
    se = float(np.sqrt(coverage * (1 - coverage) / len(held)))
    width = float(np.median([width for _, width in marks if width is not None]))
    inside = LOW - 2 * se <= coverage <= HIGH + 2 * se
    judged = "few" if len(held) < FEW else "yes" if inside else "no"
    numbers = {"coverage": round(coverage, 4), "se": round(se, 4), "width": float(f"{width:.4g}")}
    return row | numbers | {"judged": judged}


def lines(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The table for people."""
    yield f"{'design':12s} {'quantity':20s} {'identified':>10s} {'coverage':>16s} {'width':>9s}"
    for row in found:
        cells = "" if row["coverage"] is None else f"{row['coverage']:.1%} +- {row['se']:.1%}"
        width = "" if row["width"] is None else f"{row['width']:.3g}"
        mark = {"no": "  outside 93 to 97 %", "few": "  few"}.get(row["judged"], "")
        yield (
            f"{row['design']:12s} {row['quantity']:20s} {row['identified']:>10.1%} "
            f"{cells:>16s} {width:>9s}{mark}"
        )
