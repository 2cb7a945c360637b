"""A law for each noise level: where between data (t = 0) and noise (t = 1) does compute help?

L_t(N, D) = E_t + A_t N^-alpha_t + B_t D^-beta_t through all runs that ended: the best size's
loss falls to E_t as C^-g_t, g = alpha beta / (alpha + beta). How fast it falls now is `fall`, the
exponent of a power law without a floor through the best run of each budget (or of the lower
envelope): 0.1 is 21 % less loss for ten times the compute.

Columns are NAME_t00 ... NAME_t09 of a loss NAME, means over tenths of t.
"""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.engine import fit as engine
from analysis.engine import intervals
from analysis.engine.problem import problem
from analysis.engine.status import Status
from analysis.fitting.entry import Entry, Options
from analysis.fitting.result import OfBudgets
from analysis.fitting.rows import Rows
from analysis.frontier.envelope import lower_hull
from analysis.laws import loglinear
from analysis.laws.chinchilla import LAW as CHINCHILLA
from analysis.laws.method import Method
from analysis.table import columns, hygiene
from vdit.errors import InputError

STARTS, FOLLOW = 60, 4
RESAMPLES = 199
NUMBERS = ("E", "g", "fall")


@dataclass(frozen=True)
class Level:
    """One noise level; intervals are 95 %, None where the runs do not tell."""

    t: tuple[float, float]
    loss: float  # of the best run of the largest compute
    E: float
    g: float
    fall: float
    intervals: dict[str, list[float] | None]
    status: str

    def line(self) -> str:
        """For the terminal."""
        words = [f"  t {self.t[0]:.2g} to {self.t[1]:.2g}: loss {self.loss:.4f}"]
        for number in NUMBERS:
            known = self.intervals[number]
            between = f" [{known[0]:.3f}, {known[1]:.3f}]" if known else ""
            words.append(f"{number} {getattr(self, number):.3f}{between}")
        return ", ".join(words)


@dataclass(frozen=True, kw_only=True)
class NoiseLevels(Entry):
    """The entry, with each level's law."""

    levels: tuple[Level, ...]


def names(table: pd.DataFrame, loss: str) -> list[str]:
    """The columns of the noise levels of `loss`, from t = 0 up; none where it has none."""
    return sorted(n for n in table.columns if re.fullmatch(rf"{re.escape(loss)}_t\d\d", n))


def levels(
    table: pd.DataFrame, loss: str, resamples: int = RESAMPLES, seed: int = 0
) -> list[Level]:
    """A law for each level of a table with the roles params, tokens, flops, loss (and group).

    `loss` is the column whose levels are taken, of the rows that have them all. InputError where
    there are none, or where the runs are too few.
    """
    found = names(table, loss)
    if not found:
        raise InputError(f"noise_levels: the table has no columns {loss}_t00, {loss}_t01, ...")
    table = table[~hygiene.unfinished(table)].dropna(subset=found)
    return [
        _level(table, name, (i / len(found), (i + 1) / len(found)), resamples, seed)
        for i, name in enumerate(found)
    ]


def _level(table, name, t, resamples, seed):
    loss, rng = columns.numbers(table, name), np.random.default_rng(seed)
    inputs = {role: columns.numbers(table, role) for role in CHINCHILLA.inputs}
    runs = pd.factorize(table["group"].astype(str))[0] if "group" in table else None
    found = engine.fit(problem(CHINCHILLA, inputs, loss, cluster=runs), STARTS, FOLLOW, rng)
    reach = intervals.of(found, resamples, rng) if resamples else None
    known = reach.parameters() if reach else {}
    best = _best(table)
    law = loglinear.fit({"flops": columns.numbers(best, "flops")}, columns.numbers(best, name))
    low, high = law.intervals().get("flops", (None, None))
    known["fall"] = None if low is None else [-high, -low]
    return Level(
        t,
        float(best[name].iloc[-1]),
        found.parameters["E"],
        found.derived["g"],
        -law.exponents[0],
        {number: known.get(number) for number in NUMBERS},
        found.status.words,
    )


def _best(table):
    """The best run of each budget by the whole loss; without budgets those of the envelope."""
    if "budget" in table and (columns.numbers(table, "budget") > 0).any():
        table = table[columns.numbers(table, "budget") > 0]
        return table.loc[table.groupby("budget")["loss"].idxmin()]
    return table.iloc[lower_hull(*(np.log(columns.numbers(table, r)) for r in ("flops", "loss")))]


def fit(rows: Rows, part: OfBudgets, options: Options) -> Entry:
    """The levels of the loss that `analysis.fit` fits."""
    resamples = min(options.bootstrap, RESAMPLES)
    found = levels(rows.fitted, rows.columns["loss"], resamples, options.seed)
    told = sum(level.status == "converged" for level in found)
    return NoiseLevels(
        law="noise_levels",
        objective=None,
        n=len(rows.fitted),
        status=Status.of(f"converged: {told} of {len(found)} levels identify their law"),
        levels=tuple(found),
        lines=tuple(level.line() for level in found),
    )


def applies(rows: Rows) -> bool:
    """Whether the table has the levels of its loss."""
    return bool(names(rows.fitted, rows.columns["loss"]))


FORM = "L_t(N, D) = E_t + A_t N^-alpha_t + B_t D^-beta_t"
LAW = Method("noise_levels", (*CHINCHILLA.inputs, "flops"), fit, applies, NoiseLevels)
