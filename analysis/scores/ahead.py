"""Scores of the videos at budgets to come, by their laws of compute and of loss."""

from collections.abc import Sequence

import pandas as pd

from analysis.engine.answer import Answer
from analysis.fitting.table import fit_table
from analysis.frontier.forecast import Forecast
from analysis.frontier.prediction import Scores
from analysis.laws import metric
from analysis.scores import columns, curve
from analysis.scores.curve import Curve
from vdit.errors import InputError


def of_table(table: pd.DataFrame, names: Sequence[str], loss: str) -> Scores:
    """What to say of these scores at a budget; `InputError` names one that no two budgets have.

    `table` is `Rows.as_results`: its loss is better when lower, whatever it was made from.
    """
    known = [name for name in names if name in columns.names(table)]
    fit = fit_table(table, "frontier", loss=loss, higher_is_better=False)
    found = curve.curves(table, fit, known)
    missing = sorted(set(names) - {one.name for one in found})
    if missing:
        raise InputError(f"--scores {missing[0]}: expected a score that two budgets have")
    return lambda said: {one.name: _at(one, said) for one in found}


def _at(score: Curve, said: Forecast) -> dict[str, Answer]:
    """By the law of compute; and by that of loss at the forecast loss, whose own error is not in
    that interval. A law that the table does not tell is left out."""
    laws = {"compute": (score.of_compute, said.flops), "loss": (score.of_loss, said.loss)}
    return {
        name: metric.predict(law, at) for name, (law, at) in laws.items() if law and law.parameters
    }
