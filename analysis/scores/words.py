"""Scores over compute for people: a table in the terminal."""

import math
import textwrap
from collections.abc import Sequence

import pandas as pd

from analysis.fitting.result import Fit
from analysis.laws import metric
from analysis.scores import columns, minima
from analysis.scores.curve import Curve
from analysis.scores.order import Crossing

WIDTH = 100  # columns of running text
BUDGETS = 5  # beside each other; more go below, so that a terminal does not break their lines
ORDER = (
    "where each passes half of its upper bound (a share: of what coded real clips score; an error: "
    "half way to that from holding the last frame), in times of the first budget, and what the "
    "loss there said of it by the runs of up to a quarter of that compute."
)
LESS = 0.9  # of the runs' mean loss: where a law of loss is read beside the mean itself
CLIPS = (
    "independent clips (captions, videos), each sampled as often as here, of each of two runs of "
    "one seed that differ by twice the compute. Assumed: that doubling gains the mean step of the "
    "whole way; errors go with one over the root of clips, from that of the last budget on; these "
    "and the scatter between runs are known; one score is asked, at 95 %, and found 4 times in 5."
)
SIZES = (
    "the best size of each budget by each score, the minimum of its isoFLOP curve, and the factor "
    "by which it may be off either way: 95 % of each alone, the level is not shared. No minimum is "
    "told where the curves do not bend by two standard errors, or outside of the sizes."
)
NO_SIZE = "no minimum at any budget"
RATIOS = (
    "the best size by each score over that by the loss, of all budgets together; its interval has "
    "the level that all scores share."
)
NOT_TOLD = "not told"
BY_LOSS = (
    "the law of each score in the loss, of all runs: a new run's score, with its interval of 95 %, "
    "at the runs' mean loss and at a tenth less."
)


def part(what: str, lines: Sequence[str]) -> str:
    """A part of the report: an empty line, what it is, its lines."""
    return "\n".join(["", *textwrap.wrap(what, WIDTH), *lines])


def lines(found: Sequence[Curve]) -> list[str]:
    """A line for each score."""
    labels = columns.labels([curve.name for curve in found])
    width = max(map(len, labels.values()), default=0)
    head = f"{'score':{width}s} {'first':>13s} {'last':>13s} {'coded':>6s} {'real':>6s}"
    text = [f"{head}  {'reads':19s} {'clips for 2x':>13s}"]
    return text + [_line(curve, f"{labels[curve.name]:{width}s}") for curve in found]


def ratios(found: Sequence[Curve]) -> list[str]:
    """A line for each score that tells which size is best by it, over that by the loss, and one
    that names the others."""
    labels = columns.labels([curve.name for curve in found])
    told = {labels[curve.name]: size(curve) for curve in found if curve.size is not None}
    width = max(map(len, told), default=0)
    rest = [label for label in labels.values() if label not in told]
    return [f"{label:{width}s} {ratio}" for label, ratio in told.items()] + _others(NOT_TOLD, rest)


def by_loss(curve: Curve) -> list[str]:
    """What the loss tells of a score: rank correlation, at the mean loss, at a tenth less; or why
    there is no law of it."""
    law = curve.of_loss
    rank = f"{law.derived['spearman']:+.2f}"
    if not law.parameters:
        return [rank, law.status.words]
    return [rank, *(_predicted(law, share) for share in (1.0, LESS))]


def laws(found: Sequence[Curve]) -> list[str]:
    """A line for each score: what the loss tells of it."""
    labels = columns.labels([curve.name for curve in found])
    width = max(map(len, labels.values()), default=0)
    head = f"{'score':{width}s} {'rank':>5s}  {'at the mean loss':30s} at a tenth less"
    lines = [head]
    for curve in found:
        rank, *told = by_loss(curve)
        values = " ".join(f"{value:30s}" for value in told).rstrip()
        lines.append(f"{labels[curve.name]:{width}s} {rank:>5s}  {values}")
    return lines


def sizes(found: Sequence[Curve], fit: Fit) -> list[str]:
    """A line for the loss and for each score that tells the best size of a budget, and one that
    names the others."""
    told, rest = told_sizes(found, fit)
    head = "best size at FLOPs of"
    width = max(map(len, (head, *told)))
    flops, text = [budget.flops for budget in fit.budgets], []
    for first in range(0, len(flops), BUDGETS):
        some = flops[first : first + BUDGETS]
        text.append(f"{head:{width}s} " + " ".join(f"{c:>14.3g}" for c in some))
        for label, best in told.items():
            known = {one.flops: one for one in best}
            cells = " ".join(f"{best_size(known.get(c)):>14s}" for c in some)
            text.append(f"{label:{width}s} {cells}")
    return text + _others(NO_SIZE, rest)


def told_sizes(
    found: Sequence[Curve], fit: Fit
) -> tuple[dict[str, tuple[minima.BestSize, ...]], list[str]]:
    """Best sizes by the loss and by each score that tells one, and the labels of the others."""
    names = columns.labels([curve.name for curve in found])
    told = {names[c.name]: c.best_sizes for c in found if any(s.size for s in c.best_sizes)}
    rest = [label for label in names.values() if label not in told]
    return {"loss": minima.of_budgets(fit.budgets)} | told, rest


def _others(what, labels):
    """Lines that name the scores without a line of their own."""
    return textwrap.wrap(f"{what}: {', '.join(labels)}", WIDTH) if labels else []


def best_size(one: minima.BestSize | None) -> str:
    """The best size and the factor by which it may be off, such as 3e+04 */1.4."""
    if one is None or one.size is None:
        return "-"
    off = f" */{one.interval[1] / one.size:.2g}" if one.interval else ""
    return f"{one.size:.3g}{off}"


def order(found: Sequence[Crossing], smallest: float) -> list[str]:
    """A line for each score that may have passed half of its bound, in times of `smallest` FLOPs,
    and one that names the others."""
    labels = columns.labels([crossing.name for crossing in found])
    width = max(map(len, labels.values()), default=0)
    lines = [f"{'score':{width}s} {'half':>6s} {'at':>8s}  {'interval':20s} {'loss':>6s}  foretold"]
    known = [one for one in found if math.isfinite(one.interval[0])]
    for one in known:
        at, low, high = (_times(flops / smallest) for flops in (one.flops, *one.interval))
        told = f"{one.loss:6.3f}  {_foretold(one.foretold)}" if math.isfinite(one.loss) else ""
        name = f"{labels[one.name]:{width}s} {_number(one.half):>6s}"
        lines.append(f"{name} {at:>8s}  {f'{low} to {high}':20s} {told}".rstrip())
    rest = [labels[one.name] for one in found if one not in known]
    return lines + _others("not yet", rest)


def _times(factor):
    return {0.0: "before", math.inf: "not yet"}.get(factor, f"{factor:.3g}x")


def _foretold(answer):
    return "no law" if answer is None else _with_interval(answer)


def _predicted(law, share):
    loss = share * law.parameters["L_0"]
    return f"{_with_interval(metric.predict(law, loss))} at {loss:.3f}"


def _with_interval(answer):
    low, high = answer.interval
    return f"{_number(answer.value)} [{_number(low)}, {_number(high)}]"


def left_out(rows: pd.DataFrame) -> str:
    """What has no curve, in a line; "" where all have one."""
    names = columns.constant(rows, columns.names(rows))
    labels = columns.labels(names).values()
    return f"the same of every run: {', '.join(labels)}" if names else ""


def _line(curve, name):
    ends = curve.points[0], curve.points[-1]
    ends = " ".join(f"{_number(p.value)} ±{_number(p.error)}".rjust(13) for p in ends)
    bounds = " ".join(f"{_known(curve.beside.get(b)):>6s}" for b in ("coded", "real"))
    return f"{name} {ends} {bounds}  {curve.reads:19s} {clips(curve):>13s}"


def clips(curve: Curve) -> str:
    """Clips that tell 2x of compute apart."""
    count = curve.clips_for_double
    if count is None:
        return "seeds hide it"
    return "unknown" if math.isnan(count) else f"{math.ceil(count):,}"


def size(curve: Curve) -> str:
    """Best size by the score over that by the loss."""
    if curve.size is None:
        return NOT_TOLD
    low, high = curve.size.interval
    return f"{curve.size.value:.2g} [{low:.2g}, {high:.2g}]"


def _number(value):
    if math.isnan(value):
        return "?"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.4g}"


def _known(value):
    return "-" if value is None else _number(value)
