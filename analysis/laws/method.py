"""A law with a fit of its own: curves of budgets, envelopes, two-step laws."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.fitting.entry import Options
    from analysis.fitting.rows import Rows

Fit = Callable[["Rows", dict[str, Any], "Options"], dict[str, Any]]


@dataclass(frozen=True)
class Method:
    """What it is called, the roles it can't do without (but the loss), and how it is fitted.

    fit(rows, part, options): of the rows and of what their compute budgets gave ({} without any),
    n, parameters, intervals, derived, status and what else its entry in fit.json holds. InputError
    where the table can't tell. applies: whether the rows hold what no role says, for `--law all`.
    """

    name: str
    inputs: tuple[str, ...]  # roles of `analysis.table.columns`
    fit: Fit
    applies: Callable[["Rows"], bool] = lambda rows: True
