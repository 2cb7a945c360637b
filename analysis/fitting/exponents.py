"""The exponents of a sweep under each way of counting compute and size."""

import numpy as np
import pandas as pd

from analysis.engine import RESAMPLES
from analysis.engine import fit as engine
from analysis.engine.problem import problem
from analysis.fitting import budgets, guards
from analysis.fitting import rows as fitting
from analysis.frontier import laws, minima
from analysis.laws.registry import LAWS
from analysis.table import columns, variants
from vdit.errors import InputError


def of_rows(
    rows: fitting.Rows, bootstrap: int = RESAMPLES, seed: int = 0
) -> tuple[pd.DataFrame, list[str]]:
    """(a row per variant, notes): how far the exponents move with the count of compute and size.

    Columns: variant, words, compute (as a multiple of true FLOPs: smallest and largest), a of the
    best size N* ~ C^a (isoFLOP parabolas) and g of the best loss L ~ C^-g with 95 % intervals, and
    Chinchilla's alpha, beta and a. InputError where the table has no compute budgets.
    """
    swept = budgets.swept(rows.fitted)
    if swept is None:
        raise InputError(f"{rows.name}: no row with a compute budget above 0 and an ended schedule")
    counted, notes = variants.possible(swept)
    notes += [flag.sentence for flag in guards.of_sweep(swept, "loss", "params")]
    rng = (np.random.default_rng(seed) for _ in counted)
    surface = _chinchilla(columns.numbers(swept, "params"), swept)
    found = [_row(v, swept, surface, bootstrap, r) for v, r in zip(counted, rng, strict=True)]
    return pd.DataFrame(found), notes


def _row(variant, table, surface, bootstrap, rng):
    compute, size = variant.compute(table), columns.numbers(table, variant.size)
    law = _chinchilla(size, table)
    level = _level(compute, table, surface).assign(params=size)
    _, found = minima.measure(level, "loss", "params")
    N, L = laws.fit_size(found), laws.fit_law("power", found, rng)
    times = compute / columns.numbers(table, "flops")
    row = {"variant": variant.name, "words": variant.words}
    row |= {"compute_least": times.min(), "compute_most": times.max()}
    for key, result in (("a", N), ("g", L)):
        known = (result.intervals or {}) if bootstrap else {}
        low, high = known.get(key, (np.nan, np.nan))
        value = (result.parameters or {}).get(key, np.nan)
        row |= {key: value, f"{key}_low": low, f"{key}_high": high}
    row |= {name: law.parameters[name] for name in ("alpha", "beta")}
    return row | {"a_chinchilla": law.derived["a"], "status": law.status.words}


def _chinchilla(size, table):
    inputs = {"params": size, "tokens": columns.numbers(table, "tokens")}
    return engine.fit(problem(LAWS["chinchilla"], inputs, columns.numbers(table, "loss")))


def _level(compute, table, surface):
    """The runs of each budget brought to one compute, as this variant counts it.

    Runs of equal true FLOPs differ in 6 N D, so their curve in size would mix sizes with compute.
    Each loss is moved by what Chinchilla's law through all runs says the missing tokens change.
    """
    logs = pd.Series(np.log(compute), index=table.index)
    shared = np.exp(logs.groupby(table["flops_budget"]).transform("mean")).to_numpy()
    size, tokens, loss = (columns.numbers(table, role) for role in ("params", "tokens", "loss"))
    there = surface.predict({"params": size, "tokens": tokens * shared / compute})
    moved = loss * there / surface.predict({"params": size, "tokens": tokens})
    return table.assign(loss=moved, flops_budget=shared)


def lines(found: pd.DataFrame) -> list[str]:
    """The table for the terminal."""
    wide = found["variant"].str.len().max()
    head = f"{'variant':{wide}s}  {'compute / true':>14s}  {'a: N* ~ C^a, 95 %':>23s}  "
    text = [f"{head}{'g: L ~ C^-g, 95 %':>26s}   alpha    beta  a = beta / (alpha + beta)"]
    for row in found.itertuples():
        times = f"{row.compute_least:.3g} to {row.compute_most:.3g}"
        a = f"{row.a:.3f}{_between(row.a_low, row.a_high, '.3f')}"
        g = f"{row.g:.4f}{_between(row.g_low, row.g_high, '.4f')}"
        text.append(
            f"{row.variant:{wide}s}  {times:>14s}  {a:>23s}  {g:>26s}  {row.alpha:.4f}  "
            f"{row.beta:.4f}  {row.a_chinchilla:.3f}"
        )
    spans = (("a", "isoFLOP a"), ("g", "g"), ("a_chinchilla", "Chinchilla's a"))
    moves = [f"{words} from {found[k].min():.3f} to {found[k].max():.3f}" for k, words in spans]
    return [*text, f"the count alone moves {', '.join(moves)}"]


def _between(low, high, form):
    """An interval, or a dash where the sweep does not identify the exponent."""
    return f" ({low:{form}} to {high:{form}})" if low == low else " (-)"
