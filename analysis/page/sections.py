"""The sections of the page that draw curves: each takes what it shows and returns HTML."""

import pandas as pd

from analysis.figures import methods as trials
from analysis.figures import points, sizes, style
from analysis.figures import scaling as curves
from analysis.fitting.result import Fit
from analysis.frontier import forecast
from analysis.page import elements
from analysis.verdict.rule import Verdict


def scaling(rows: pd.DataFrame, fit: Fit, judged: Verdict) -> str:
    """Loss against compute, the fit and the prediction."""

    def draw(palette, size):
        return curves.scaling(rows, fit, palette, size, prediction)

    prediction = judged.evidence.prediction
    orange = " Orange is what was predicted of the largest budget."
    note = elements.read(
        "Each faint dot is one trained model. Each solid dot is the lowest loss a compute budget "
        "can buy, found between the sizes tried; its bar is the 95 % interval. The line is what "
        "all laws say together, each by how well it predicted budgets it had not seen; the band "
        "is their 95 % interval, their disagreement inside it. Dashed: what was not run."
        + orange
        * (prediction is not None)
    )
    return elements.section(
        "scaling",
        "Loss against compute",
        elements.figure(draw, "scaling", "validation loss against training compute"),
        note,
        forecasts(fit),
        _prediction_words(prediction),
    )


def forecasts(fit: Fit) -> str:
    """What the laws say of larger budgets, and how far they were tested."""
    if not fit.forecasts:
        return "<p>One budget alone says nothing of a larger one.</p>"
    tested = fit.rollout.tested
    rows = [
        [
            f"{one.times:.3g}×",
            f"about {one.loss:.2g}" if one.unbounded else f"{one.loss:.4f}",
            "the runs do not bound it"
            if one.unbounded
            else _between(one.interval, ".4f").strip(" ()").removeprefix("95 %: "),
            f"no law was tried so far ahead (at most {tested:.3g}×)" if one.beyond else "yes",
        ]
        for one in fit.forecasts
        if one.times < 9
    ]
    said = (
        f"<p>Laws were tested on this sweep at most {tested:.3g}× ahead of what they were fitted "
        "to. A forecast beyond that rests on laws that nothing here has tried.</p>"
    )
    if owed := forecast.smallest_budget(fit.forecasts):
        slopes = ", ".join(f"{slope:.3f}" for slope in fit.slopes)
        said += f"<p>The smallest budget: {elements.escape(owed)}. Slopes: {slopes}.</p>"
    return (
        elements.table(["compute, × the largest", "loss", "95 % interval", "tested"], rows) + said
    )


def _between(interval, form=".3f"):
    return f" (95 %: {interval[0]:{form}} to {interval[1]:{form}})" if interval else ""


def _prediction_words(check):
    if check is None:
        return "<p>No prediction of a budget in this table was written down.</p>"
    when = {
        True: "written down before the first run of that budget started",
        False: "<b>not</b> made before that budget's first run started, so it proves nothing",
        None: "of unknown age: the runs do not say when they started",
    }[check.before]
    what = "" if check.estimator == "parabola" else " (its best run: no minimum was found)"
    end = "It held" if check.held else "It did not hold"
    if check.interval is None:
        end = "So nothing was tested"
    elif check.inside and not check.telling:
        end = "So wide an interval tests little"
    inside = "inside its interval" if check.inside else "outside its interval"
    if check.inside and not check.telling:
        inside += ", which is wider than the step it predicts or holds “no change”"
    return (
        f"<p>The budget of {check.flops:.3g} FLOPs was predicted: {check.predicted:.4f}"
        f"{_between(check.interval, '.4f')}, {when}. Observed: {check.observed:.4f}{what}, "
        f"{inside if check.interval else 'no interval was possible'}. The prediction missed by "
        f"{check.miss:.4f}; “no change from the largest budget then” would miss by "
        f"{check.no_change_miss:.4f}. {end}.</p>"
    )


def isoflop(rows: pd.DataFrame, fit: Fit) -> str:
    """IsoFLOP curves."""

    def draw(palette, size):
        return sizes.isoflop(rows, fit, palette, size)

    return elements.section(
        "isoflop",
        "Which size is best for a budget",
        elements.figure(
            draw, "isoflop", "validation loss against model size at each compute budget"
        ),
        elements.read(
            "Along one curve every model cost the same compute. On the left a model is too small "
            "for it; on the right it is so large that it saw too few videos. The star is the "
            "minimum of the budget's curve; how sharply all curves bend is fitted together. A "
            "dashed curve has no minimum near its sizes: it is not fitted."
            + points.words(len(rows))
        ),
    )


def best_size(fit: Fit) -> str:
    """The compute-optimal size."""

    def draw(palette, size):
        return sizes.best_size(fit, palette, size)

    law = fit.size_law
    words = ""
    if law.parameters:
        a, share = law.parameters["a"], _between((law.intervals or {}).get("a"), ".2f")
        words = (
            f"<p>N* grows as C<sup>{a:.2f}</sup>{share}: of ten times the "
            f"compute, the model takes {10**a:.1f} times the size and the "
            "rest goes to more training.</p>"
        )
    return elements.section(
        "size",
        "How large the best model is",
        elements.figure(draw, "size", "compute-optimal model size against training compute"),
        elements.read(
            "The stars of the curves above against their compute; the band weighs the line through "
            "them and the surface through all runs alike. An exponent of 0.5 would mean that size "
            "and data grow alike."
        ),
        words,
    )


def methods(rows: pd.DataFrame, fit: Fit) -> str:
    """Every method tried on budgets it had not seen; "" where there are too few for a trial."""
    tried = fit.rollout
    if not tried.trials:
        return ""

    def draw(palette, size):
        return trials.methods(rows, fit, palette, size)

    ranked = sorted(tried.rms, key=lambda m: (tried.rms[m] is None, tried.rms[m]))
    body = [_method_row(method, tried) for method in ranked]
    head = ["method", *(f"{h} on" for h in tried.ahead), "says of the next"]
    return elements.section(
        "methods",
        "Which law predicts best",
        elements.figure(draw, "methods", "every method's predictions of held-out budgets"),
        elements.read(
            "Every method was fitted to the first budgets and asked for the later ones. The table "
            "gives the root mean square error of the loss, so many budgets on, and in brackets of "
            "how many trials: with a few, a lead is luck. The share behind a name is its weight in "
            "the forecast of the next budget; a law without one is another's special case."
            + points.words(len(rows))
        ),
        elements.table(head, body),
        f"<p>{elements.escape(tried.disagreement.sentence.capitalize())}.</p>",
    )


def _method_row(method, tried):
    weight = tried.weights.get(method)
    cells = [elements.escape(method) + ("" if weight is None else f" <small>{weight:.0%}</small>")]
    for horizon in tried.ahead:
        error, count = tried.horizons[method][horizon], tried.counts[method][horizon]
        cells.append(f"{error:.1%} <small>({count})</small>" if count else "")
    coming = tried.next_.predicted.get(method)
    return [*cells, "" if coming is None else f"{coming:.4f}"]


def scaling_png(rows: pd.DataFrame, fit: Fit, judged: Verdict) -> bytes:
    """The main figure as PNG bytes on white, for a README."""
    drawn = curves.scaling(rows, fit, style.LIGHT, style.WIDE, judged.evidence.prediction)
    return style.png(drawn, style.LIGHT)
