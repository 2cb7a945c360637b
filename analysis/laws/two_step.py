"""Score of a run from its size and tokens in two steps, and from its compute in one (2412.04403).

Step 1 says the loss, L(N, D) = E + A N^-alpha + B D^-beta (or L(C), where the table has compute
alone); step 2 the score that goes with a loss: `sigmoid` of a share that rises as the loss falls,
as accuracies do, `positive` of an error that falls with it, else `metric`. Each errs by what its
law does not know and by how runs scatter about it, noise between runs included; the errors are
independent, so the ends of the chained interval are as far from the value as

    sqrt((M(end of the loss's interval) - M(L))^2 + (half the interval of a new score at L)^2)

of log M for `positive`.
Beside it stands the same monotone law straight from compute to score, which does not see that two
runs of one compute differ in size.
"""

from dataclasses import dataclass, replace

import numpy as np

from analysis.engine.answer import Answer
from analysis.fitting import entry, prediction
from analysis.fitting.entry import SQUARES, Entry
from analysis.fitting.result import OfBudgets
from analysis.fitting.rows import Rows
from analysis.laws import metric, score_forms
from analysis.laws.chinchilla import LAW as CHINCHILLA
from analysis.laws.frontier import LAW as FRONTIER
from analysis.laws.method import Method
from analysis.table import columns

Interval = list[float] | None


@dataclass(frozen=True)
class Score:
    """What both ways say of one run; intervals are 95 % and of a new run, None without resamples.

    observed: its score, None where it was not measured or the run is to come.
    """

    run: str
    flops: float
    observed: float | None
    loss: float
    loss_interval: Interval
    value: float
    interval: Interval
    direct: float | None
    direct_interval: Interval

    def line(self) -> str:
        """For the terminal."""
        seen = "" if self.observed is None else f", observed {self.observed:.4g}"
        direct = "no law" if self.direct is None else _number(self.direct, self.direct_interval)
        return (
            f"  {self.run}{seen}: by its loss {_number(self.value, self.interval)}, "
            f"by its compute {direct}"
        )


@dataclass(frozen=True, kw_only=True)
class TwoStep(Entry):
    """The entry, with the law of the second step and what both say of runs."""

    step_2: str | None = None
    scores: tuple[Score, ...] | None = None


def chained(loss: float, loss_interval: Interval, scores: metric.Metric) -> tuple[float, Interval]:
    """The score at a loss that is known to an interval, and its interval."""
    found, form = metric.predict(scores, loss), score_forms.FORMS[scores.law]
    if loss_interval is None:
        return found.value, None
    value = score_forms.linked(form, found.value)
    at_ends = score_forms.linked(form, metric.predict(scores, loss_interval).value)
    half = np.abs(score_forms.linked(form, found.interval) - value)
    ends = value + np.array([-1, 1]) * np.hypot(np.sort(at_ends) - value, half)
    return found.value, score_forms.unlinked(form, ends).tolist()


def fit(rows: Rows, part: OfBudgets, options: entry.Options) -> TwoStep:
    """Both steps fitted to the rows; the scores of the rows held out and of a larger compute."""
    sized = set(CHINCHILLA.inputs) <= set(rows.fitted.columns)
    law = CHINCHILLA if sized else FRONTIER
    rows.spread("two_step", law.inputs)
    losses = entry.of_runs(
        law, rows.inputs(law), rows.loss(), options, rows.weight(), rows.cluster()
    )
    one, two = losses.entry, metric.of_rows(rows, part, options, _form(rows))
    worst = next((s for s in (one, two) if s.status.word == "not identified"), two)
    found = TwoStep(law="two_step", objective=None, n=len(rows.fitted), status=worst.status)
    if not two.parameters:
        return found
    scores = (*_held(rows, losses, two), *_ahead(rows, losses, two))
    return replace(
        found,
        objective=SQUARES,
        parameters=one.parameters | two.parameters,
        intervals=one.intervals | two.intervals,
        derived=one.derived | two.derived,
        step_2=two.law,
        scores=scores,
        lines=tuple(score.line() for score in scores),
    )


def _held(rows, losses, steps):
    if rows.held.empty:
        return []
    held = rows.held
    names = held["run_id"].astype(str) if "run_id" in held else [f"row {i + 1}" for i in held.index]
    seen = [None if np.isnan(v) else float(v) for v in columns.numbers(held, "metric")]
    inputs = rows.inputs(losses.fit.problem.law, held)
    return _scores(rows, names, columns.numbers(held, "flops"), seen, inputs, losses, steps)


def _ahead(rows, losses, steps):
    """The best run at the compute where laws are compared."""
    flops = prediction.AHEAD * columns.numbers(rows.fitted, "flops").max()
    inputs = {"flops": np.array([flops])}
    if losses.fit.problem.law is CHINCHILLA:
        inputs = prediction.sizes_at(rows, flops)
        best = losses.fit.predict(inputs).argmin()
        inputs = {role: values[[best]] for role, values in inputs.items()}
    name = f"{prediction.AHEAD:g} times the largest compute"
    return _scores(rows, [name], np.array([flops]), [None], inputs, losses, steps)


def _scores(rows, names, flops, seen, inputs, losses, steps):
    predicted, between = prediction.predict(losses, inputs)
    ends = [None] * len(flops) if between is None else between.T.tolist()
    direct = _direct(rows)
    for name, c, observed, loss, interval in zip(
        names, flops.tolist(), seen, predicted.tolist(), ends, strict=True
    ):
        straight = metric.predict(direct, c) if direct.parameters else Answer(None)
        chain = chained(loss, interval, steps)
        yield Score(name, c, observed, loss, interval, *chain, straight.value, straight.interval)


def _direct(rows):
    """The monotone law of the score in compute."""
    known = ~np.isnan(columns.numbers(rows.fitted, "metric"))
    values = (columns.numbers(rows.fitted, role)[known] for role in ("flops", "metric"))
    cluster = rows.cluster()
    group = None if cluster is None else cluster[known]
    return metric.fit(*values, group, form=_form(rows))


def _form(rows):
    """By its values and by which way it goes with the loss."""
    scores = columns.numbers(rows.fitted, "metric")
    known = ~np.isnan(scores)
    scores, losses = scores[known], rows.loss()[known]
    rises = len(scores) > 1 and np.cov(losses, scores)[0, 1] > 0
    return score_forms.of(scores, rises)


def _number(value, interval):
    return f"{value:.4g}" + (f" [{interval[0]:.4g}, {interval[1]:.4g}]" if interval else "")


FORM = "M(L(N, D))"
LAW = Method("two_step", ("flops", "metric"), fit, entry=TwoStep)
