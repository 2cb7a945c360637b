"""Optimal learning rate and batch as power laws of size and data, or of compute.

lr*(N, D) = k N^a D^b and batch*(N, D) = k N^a D^b (Step Law, 2503.04715; for video DiTs Yin et al.,
2411.17470), fitted to all runs at once as the floor of one valley of log loss (`valley`), so that
what a mistuned rate costs is known with it. Each (N, D), or each C, is a cell. A law is only as
certain as the cells agree: its intervals leave out a cell at a time (jackknife, Student's t).

    fit(table, columns)   columns: {"params": "N", "tokens": "T", "lr": "lr", "batch": "B",
                          "loss": "loss"}: a role's column; "flops" in place of params and tokens
    predict(fitted, {"params": 1e9, "tokens": 2e10})   of such a fit, or of its entry
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.engine.answer import Answer
from analysis.fitting.entry import Options
from analysis.fitting.result import OfBudgets
from analysis.fitting.rows import Rows
from analysis.laws import cells, floor, settings, tuning, valley
from analysis.laws.cells import Noise
from analysis.laws.method import Method
from analysis.laws.tuning import Hyperparameters, Tuned
from analysis.table import columns as numbered
from analysis.table import schema
from vdit.errors import InputError

ROLES = ("params", "tokens", "flops", "lr", "batch", "loss")
RULE = "parameterization"


def fit(
    table: pd.DataFrame,
    columns: Mapping[str, str] | None = None,
    inputs: Sequence[str] | None = None,
    group: Sequence[Hashable] | None = None,
) -> Hyperparameters:
    """The laws of learning rate and batch from a table of runs.

    inputs: ("params", "tokens"), ("params",), ("tokens",) or ("flops",); None for what is there.
    group: the run of each row (each its own). Cells that share runs, as those of its checkpoints
    do, count as one measurement of a law, and the rows of a run as one of the noise.

    A loss that is not a number, a run above a cliff: `diverged` names it. InputError names a column
    that is missing or not positive.
    """
    runs = settings.read(table, columns, inputs, group)
    known = np.isfinite(runs.loss)
    sound = runs.take(known)
    cell = sound.cells()
    axes, x = cells.swept(sound, cell)
    y, where = np.log(sound.loss), sound.where(cell)
    free = {name: v for name, v in where.items() if np.ptp(np.log(v)) > settings.SAME}
    apart = settings.apart(cell, sound.run)
    law = floor.fit(x, y, cell, free, apart) if axes and free else None
    own = _own(axes, x, y, cell, law)
    found = cells.describe(sound, cell, axes, x, own, law and law.best)
    said, told = _said(axes, free, where, _inside(axes, x, cell, found, law), law)
    if settings.column("batch", columns) not in table.columns:
        said["batch"] = "batch: no column says it (--batch COL), taken for the same of all runs"
    return Hyperparameters(
        n=len(runs.loss),
        inputs=tuple(where),
        laws=_laws(axes, law, found) if told else {},
        said=said,
        cells=tuple(found),
        noise=_noise(own, len(np.unique(sound.run)) / len(y)),
        costs=tuning.costs(axes, law.valley if told else own),
        diverged=tuple(cells.diverged(runs, known, cell, law.valley if law else own)),
    )


def predict(fitted: Hyperparameters | Tuned, inputs: Mapping[str, float]) -> dict[str, Answer]:
    """Learning rate and batch, by axis, at inputs by role; only what was fitted."""
    return {axis: law.predict(inputs) for axis, law in fitted.laws.items()}


def _own(axes, x, y, cell, law):
    """The Valley in which each cell has a best of its own: of the runs that the laws rest on."""
    each = np.eye(cell.max() + 1)[cell]
    if law:
        return valley.at(x, y, cell, each, law.valley.near)
    return valley.fit(x, y, cell, each) if axes else None


def _inside(axes, x, cell, found, law):
    """How many cells have their best settings, by the law where there is one, inside their runs."""
    if law is None:
        return sum(not each.reason for each in found)
    return sum(not cells.edge(x[cell == c], axes, best) for c, best in enumerate(law.best))


def _said(axes, free, where, inside, law):
    """({axis: how far its law is told}, whether it is: by a cell more than it has coefficients)."""
    least = len(free or where) + 2
    told = law is not None and inside >= least
    words = f"{inside} of {len(next(iter(where.values())))} cells have an optimum inside"
    if inside < least:
        words += f", a law in {' and '.join(free or where)} needs {least}"
    elif not told:
        words += f"; they do not tell {' and '.join(free)} apart"
    elif len(free) < len(where):
        words += f"; {' and '.join(where.keys() - free)} never varied, exponent unknown"
    if told and not law.valley.crossed:
        words += "; no run differs in lr and batch both: best beside the other's, without interval"
    none = "no two runs of one cell differ in it"
    return {a: f"{a}: {words if a in axes else none}" for a in cells.AXES}, told


def _laws(axes, law, found):
    """{axis: LogLinear}, with the scatter of the cells' own best settings about it."""
    inside = [c for c, cell in enumerate(found) if not cell.reason]
    free = max(len(inside) - law.valley.position.shape[1], 1)
    laws = {}
    for i, axis in enumerate(axes):
        off = np.array([found[c].best[axis] - law.best[c, i] for c in inside])
        laws[axis] = replace(law.laws[i], scatter=float(np.sqrt(off @ off / free)))
    return laws


def _noise(own, share):
    """Of log loss about the valley; `share`: how many runs there are for a row."""
    if own is None or not own.sound or own.df < 1:
        return None
    return Noise(own.noise, max(int(share * own.df), 1))


def of_rows(rows: Rows, part: OfBudgets, options: Options) -> Tuned:
    """The laws of the rows of `analysis.fit`."""
    numbers = {r: numbered.numbers(rows.fitted, r) for r in ROLES if r in rows.fitted}
    table = rows.fitted.assign(**numbers)
    _of_one_rule(table, rows.name)
    found = fit(table, dict(zip(numbers, numbers, strict=True)), group=rows.cluster())
    named = (replace(run, name=schema.row_name(table, run.row)) for run in found.diverged)
    return replace(found, diverged=tuple(named)).entry()


def _of_one_rule(table, name):
    """InputError where rates count differently: those of muP hold for any width (2203.03466)."""
    kinds = table[RULE].dropna().unique() if RULE in table.columns else ()
    if len(kinds) > 1:
        raise InputError(
            f"{name}: rows of {RULE} {' and '.join(sorted(map(str, kinds)))} have best rates of "
            f'their own: keep one (--where "{RULE} == {kinds[0]!r}")'
        )


FORM = "lr*, batch* = k N^params D^tokens, batch as its column counts"
LAW = Method("hyperparameters", ("flops", "lr"), of_rows, entry=Tuned, tuned=False)
