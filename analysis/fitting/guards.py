"""What makes a table doubtful for every law: units that are mixed, too little that varies, edges.

Each is said as a warning (`frontier.flags.Flag`), or is an error in one line.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from analysis.fitting.entry import Entry
from analysis.fitting.result import OfBudgets
from analysis.frontier import envelope, minima
from analysis.frontier.flags import Flag
from analysis.table import columns
from vdit.errors import InputError

# C / (6 N D): attention, embeddings and what else N leaves out move it by less than this factor.
DISAGREE = 1.5
FEWEST_TOKENS, MOST_TOKENS = 1e-2, 1e6  # for each parameter; what is trained has 1 to 10,000
UNIT, NEAR = 1e3, 5.0  # a mix-up is a power of UNIT, but for this factor
SPENT = 1.25  # and but for this one between a budget and what was spent of it


def units(roles: columns.Roles, rows: pd.DataFrame, name: str) -> Iterator[Flag]:
    """Warnings where compute, size and tokens, or compute and budgets, are of different units."""
    if set(columns.DERIVED) <= set(roles.columns):
        n, d, c = (columns.numbers(rows, role) for role in ("params", "tokens", "flops"))
        where = ", ".join(repr(roles.columns[role]) for role in ("flops", "params", "tokens"))
        yield from _compared(c / (columns.FLOPS_PER_ND * n * d), "C / (6 N D)", where)
    elif {"tokens", "params"} <= set(roles.columns):
        yield from _tokens_each(columns.numbers(rows, "tokens") / columns.numbers(rows, "params"))
    if "budget" in roles.columns and "flops" in rows.columns:
        spent, asked = columns.numbers(rows, "flops"), columns.numbers(rows, "budget")
        mixed = _mixed(spent[asked > 0] / asked[asked > 0], SPENT)
        if mixed:
            raise InputError(
                f"{name}: {roles.columns['budget']} is {1 / mixed:.0e} times what was spent in the "
                "median row, expected FLOPs in both"
            )


def _tokens_each(ratio):
    middle = float(np.nanmedian(ratio)) if len(ratio) else 1.0
    if not FEWEST_TOKENS < middle < MOST_TOKENS:
        text = f"a run saw {middle:.1e} tokens for each parameter in the median row"
        yield Flag("units", None, f"{text}: are both plain numbers?")


def _compared(ratio, formula, where):
    ratio = ratio[np.isfinite(ratio) & (ratio > 0)]
    if not len(ratio):
        return
    middle, mixed = float(np.median(ratio)), _mixed(ratio)
    span = f"{ratio.min():.3g} to {ratio.max():.3g}"
    if mixed:
        words = f"{formula} is {middle:.3g} in the median row ({span}), a factor of {mixed:.0e}"
        yield Flag("units", None, f"{words}: {where} are not all in plain numbers")
    elif not 1 / DISAGREE < middle < DISAGREE:
        words = f"{formula} is {middle:.3g} in the median row ({span})"
        yield Flag("6ND", None, f"{words}: {where} count different things")
    apart = np.abs(np.log10(ratio / middle)) > np.log10(UNIT / NEAR)
    if apart.any():
        words = f"{formula} of {apart.sum()} rows is {UNIT / NEAR:g} times more or less than usual"
        yield Flag("units", None, f"{words} ({span}): units of single rows differ")


def _mixed(ratio, but_for=NEAR):
    """The power of 1,000 that the median ratio is near, or None."""
    ratio = ratio[np.isfinite(ratio) & (ratio > 0)]
    power = np.log10(np.median(ratio)) / np.log10(UNIT) if len(ratio) else 0.0
    near = round(float(power))
    close = abs(power - near) * np.log10(UNIT) < np.log10(but_for)
    return UNIT**near if near and close else None


def of_laws(rows: pd.DataFrame, laws: Mapping[str, Entry], part: OfBudgets) -> Iterator[Flag]:
    """Warnings on the laws fitted: each method's guards hold for all of them.

    `laws` by name; the flags of budgets, where `part` of the fit has any, speak of edges.
    """
    if not set(columns.DERIVED) <= set(rows.columns):
        return
    if any(entry.fitted_to for entry in laws.values()):
        yield from of_designs(rows)
        yield from () if part.budgets else of_envelope(rows)
    for entry in laws.values():
        yield from of_surface(entry, rows)


def of_sweep(table: pd.DataFrame, loss: str, size: str) -> list[Flag]:
    """Warnings on the minima of a sweep over budgets; `loss`, `size`: columns of its table."""
    return minima.doubts(*minima.measure(table, loss, size))


def of_designs(rows: pd.DataFrame) -> Iterator[Flag]:
    """Warnings where runs that differ in compute differ in nothing that could be chosen better."""
    for kind, word, role in (
        ("one_size", "size", "params"),
        ("one_token_count", "tokens", "tokens"),
    ):
        values = columns.numbers(rows, role)
        if len(np.unique(values)) == 1:
            text = f"all runs have one {word} ({values[0]:.3g}): other {word} may do better with as"
            yield Flag(kind, None, f"{text} much compute, so this is no law of the best loss")


def of_envelope(rows: pd.DataFrame) -> Iterator[Flag]:
    """Warnings on a law of compute read off the lower envelope of all runs: its ends."""
    size, loss = columns.numbers(rows, "params"), columns.numbers(rows, "loss")
    on = size[envelope.lower_hull(np.log(columns.numbers(rows, "flops")), np.log(loss))]
    for end, edge in (("smallest", size.min()), ("largest", size.max())):
        if size.min() < size.max() and (on == edge).any():
            text = f"{(on == edge).sum()} of {len(on)} rows on the envelope are of the {end} size"
            yield Flag("edge", None, f"{text} ({edge:.3g}): the best size there may lie beyond")


def of_surface(entry: Entry, rows: pd.DataFrame) -> Iterator[Flag]:
    """A warning where a law of N and D has its best size for the largest compute beyond the runs'.

    The best N of A N^-alpha + B D^-beta at C = k N D (2203.15556, equation 4), k as in the runs.
    """
    p = entry.parameters
    if not {"A", "B", "alpha", "beta"} <= set(p) or not min(p["alpha"], p["beta"]) > 0:
        return
    size, tokens, compute = (columns.numbers(rows, role) for role in ("params", "tokens", "flops"))
    both, product = p["alpha"] + p["beta"], compute.max() / np.median(compute / (size * tokens))
    ratio = p["alpha"] * p["A"] / (p["beta"] * p["B"])
    best = ratio ** (1 / both) * product ** (p["beta"] / both)
    if not size.min() <= best <= size.max():
        where = f"the sizes that were run, {size.min():.3g} to {size.max():.3g}"
        text = f"{entry.law}: the best size for the largest compute, {best:.3g}, lies beyond"
        yield Flag("edge", None, f"{text} {where}")
