"""A law with a fit of its own: curves of budgets, envelopes, two-step laws."""

from collections.abc import Callable
from dataclasses import dataclass

from analysis.fitting.entry import Entry, Options
from analysis.fitting.result import OfBudgets
from analysis.fitting.rows import Rows

Fit = Callable[["Rows", "OfBudgets", Options], Entry]


@dataclass(frozen=True)
class Method:
    """What it is called, the roles it can't do without (but the loss), and how it is fitted.

    fit(rows, part, options): of the rows and of what their compute budgets gave, the law's entry.
    InputError where the table can't tell. applies: whether the rows hold what no role says, for
    `--law all`. entry: the class of its entries. tuned: whether its runs are meant to be tuned, so
    that a law of all of them may stand beside it.
    """

    name: str
    inputs: tuple[str, ...]  # roles of `analysis.table.columns`
    fit: Fit
    applies: Callable[[Rows], bool] = lambda rows: True
    entry: type[Entry] = Entry
    tuned: bool = True
