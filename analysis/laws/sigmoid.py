"""A law from loss to a share (accuracy, win rate): from chance to a ceiling (2412.04403, step 2).

M(L) = low + (high - low) / (1 + (L / L_m)^k), L_m = L_0 e^middle the loss of its middle

A sigmoid in log L; low and high lie between 0 and 1, so that no prediction leaves what a share can
be. `metric` fits it and says its intervals.
"""

from analysis.fitting.entry import Options
from analysis.fitting.result import OfBudgets
from analysis.fitting.rows import Rows
from analysis.laws import metric
from analysis.laws.method import Method
from analysis.laws.score_forms import SIGMOID


def of_rows(rows: Rows, part: OfBudgets, options: Options) -> metric.Metric:
    """The law of the rows of `analysis.fit` where the share was measured."""
    return metric.of_rows(rows, part, options, SIGMOID)


FORM = "M(L) = low + (high - low) / (1 + (L / L_m)^k)"
LAW = Method("sigmoid", ("metric",), of_rows, entry=metric.Metric)
