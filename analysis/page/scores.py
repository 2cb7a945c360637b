"""The section of the page that shows the scores of the videos."""

import math
from collections.abc import Sequence

from analysis.figures import scores as figures
from analysis.fitting.result import Fit
from analysis.page import elements
from analysis.scores import columns, words
from analysis.scores.curve import Curve
from analysis.verdict.rule import Verdict

BESIDE = (*columns.BASELINES, *columns.BOUNDS)


def section(found: Sequence[Curve], fit: Fit, judged: Verdict, left_out: str = "") -> str:
    """Every score over compute with its intervals, bounds and baselines; "" without scores."""
    if not found:
        return ""

    def draw(palette, size):
        return figures.scores(found, fit, palette, size)

    improves = {score.name for score in judged.evidence.scores if score.improves}
    flops = sorted({point.flops for curve in found for point in curve.points})
    beside = [other for other in BESIDE if any(other in curve.beside for curve in found)]
    compute = [f"{c / fit.budgets[0].flops:.3g}×" for c in flops]
    head = ["score", *compute, *beside, "reads", "clips for 2×", "best size, by it / by loss"]
    labels = columns.labels([curve.name for curve in found])
    body = [_row(c, labels[c.name], flops, beside, c.name in improves) for c in found]
    return elements.section(
        "scores",
        "Scores of the videos themselves",
        elements.figure(draw, "scores", "scores of sampled videos against training compute"),
        elements.table(head, body),
        left_out and f"<p>{elements.escape(left_out[:1].upper() + left_out[1:])}.</p>",
        elements.read(
            "Each point is the run of lowest loss at a budget; its error, after ±, is of clips and "
            "of seeds. <i>real</i> is the score of real clips (a distance, that of their halves), "
            "<i>coded</i> of real clips passed through the autoencoder: what it leaves, of no "
            "distance a strict bound; <i>second take</i> is another clip of the same first frame "
            "and caption. <i>still</i> holds the last given frame, <i>linear</i> goes on as the "
            "last two did: to be beaten. ↓ marks scores where lower is better. Green: of the "
            "scores that real clips have too, better over the span of the loss's gain by more than "
            "its interval, whose level of 95 % they share; the verdict reads these. What a curve "
            "<i>reads</i> shares its level among all scores. It <i>saturates</i> where the second "
            "half of the way gained nothing that can be told and less than the first, and "
            f"<i>turns</i> where it lost. <i>Clips for 2×</i>: {words.CLIPS}"
        ),
        _best_sizes(found, fit),
        _by_loss(found, labels),
    )


def _best_sizes(found, fit):
    """A row for the loss and for each score that tells it: the best size of each budget."""
    told, rest = words.told_sizes(found, fit)
    flops = [budget.flops for budget in fit.budgets]
    body = []
    for label, best in told.items():
        known = {one.flops: one for one in best}
        body.append([elements.escape(label), *(words.best_size(known.get(c)) for c in flops)])
    head = ["best size by", *(f"{c / flops[0]:.3g}×" for c in flops)]
    title = words.SIZES[:1].upper() + words.SIZES[1:]
    text = f"<p>{elements.escape(title)}</p>" + elements.table(head, body)
    others = f"{words.NO_SIZE.capitalize()}: {elements.escape(', '.join(rest))}."
    return text + (f"<p>{others}</p>" if rest else "")


def _by_loss(found, labels):
    """A row for each score; one cell where there is no law."""
    head = ["score", "rank correlation with the loss", "at the mean loss", "at a tenth less"]
    body = [[elements.escape(labels[c.name]), *words.by_loss(c)] for c in found]
    rows = [row + [""] * (len(head) - len(row)) for row in body]
    title = f"What the loss tells of the scores: {words.BY_LOSS}"
    return f"<p>{elements.escape(title)}</p>" + elements.table(head, rows)


def _row(curve, label, flops, beside, improves):
    whole = f'<span title="{elements.escape(curve.name)}">{elements.escape(label)}</span>'
    label = whole + (" ↓" if curve.lower_is_better else "")
    known = {point.flops: point for point in curve.points}
    digits = 2 if max(abs(point.value) for point in curve.points) >= 0.1 else 4
    return [
        f'<span class="better">{label}</span>' if improves else label,
        *(_point(known.get(c), digits) for c in flops),
        *(f"{curve.beside[o]:.{digits}f}" if o in curve.beside else "" for o in beside),
        curve.reads,
        words.clips(curve),
        words.size(curve),
    ]


def _point(point, digits):
    if point is None:
        return ""
    error = "?" if math.isnan(point.error) else f"{point.error:.{digits}f}"
    return f"{point.value:.{digits}f}<small>± {error}</small>"
