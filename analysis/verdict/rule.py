"""Does more compute give better video? Supported, refuted or undecided, by a rule set beforehand.

An exponent above zero proves nothing: its interval excludes zero on flat data too. So:

supported   the 95 % interval of the gain over about 8x of compute lies above the least that
            matters, and a prediction older than its runs held (its interval contains what came,
            leaves out "no change" and is narrower than the step it predicts), and a score of
            the videos improves beyond its interval
refuted     the gain's interval lies below the least that matters
undecided   otherwise, with what stands first in its way and the one next step

Best runs that over-fit, or a best loss that rises with compute, keep it undecided either way:
then data or training, not compute, was the limit. Thresholds: `analysis.verdict.thresholds`.
"""

from typing import Any

import pandas as pd

from analysis.fitting.result import Fit
from analysis.verdict import checks, next_step, video_scores
from analysis.verdict.gain import gain as measure_gain

WORDS = {
    "overfit": "the best runs over-fit a small set of videos, which bends the curve",
    "rises": "the best loss rises with compute somewhere",
    "span": "the budgets span less than 8x, or no noise is known",
    "gain": "the gain's interval reaches below the least that matters",
    "unpredicted": "no prediction of a budget that was then run",
    "late": "the prediction is not known to be older than the runs it is checked against",
    "wide": "the prediction's interval is wider than the step it predicts, or unknown: no test",
    "missed": "the prediction did not hold",
    "unscored": "the videos themselves have no scores on this data",
    "scores": "no score of the videos improves beyond its interval",
}


def judge(rows: pd.DataFrame, fit: Fit, prediction: dict[str, Any] | None = None) -> dict[str, Any]:
    """Apply the rule to selected rows, their fit, and a prediction: a dict with the sentence.

    `blocks` names what stands against a decision (the keys of `WORDS`); `next` is the step about
    the first of them (see `analysis.verdict.next_step`), None where it is decided.
    """
    gain = measure_gain(fit)
    found = {
        "gain": gain,
        "prediction": checks.check_prediction(rows, fit, prediction),
        "scores": video_scores.compare(rows, fit),
        "overfit": checks.overfit(rows, fit),
    }
    verdict, blocks = _decide(**found)
    step = next_step.next_step(rows, fit, found, blocks) if verdict == "undecided" else None
    return {
        **found,
        "verdict": verdict,
        "blocks": blocks,
        "reasons": [WORDS[block] for block in blocks],
        "next": step,
        "sentence": _sentence(verdict, found, step),
    }


def _decide(gain, prediction, scores, overfit):
    """The verdict and what blocks it."""
    blocks = ["overfit"] if overfit["budgets"] else ["rises"] if overfit["rises"] else []
    if gain is None:
        blocks.append("span")
    elif gain["interval"][1] < gain["minimum"] and not blocks:
        return "refuted", []
    elif gain["interval"][0] <= gain["minimum"]:
        blocks.append("gain")
    blocks += _prediction_blocks(prediction)
    if not scores:
        blocks.append("unscored")
    elif not any(score["improves"] for score in scores):
        blocks.append("scores")
    return ("undecided" if blocks else "supported"), blocks


def _prediction_blocks(prediction):
    if prediction is None:
        return ["unpredicted"]
    if not prediction["before"]:
        return ["late"]
    if prediction["held"]:
        return []
    unknown = prediction["interval"] is None
    return ["wide" if prediction["inside"] or unknown else "missed"]


def _sentence(verdict, found, step):
    gain = _gain_words(found["gain"])
    if verdict == "refuted":
        return f"Refuted: {gain}."
    if verdict == "undecided":
        return f"Undecided: {gain}; first in the way: {WORDS[step['block']]}. {step['sentence']}"
    # Scores have units of their own: the clearest is the one that moved by the most errors.
    best = max(found["scores"], key=lambda s: s["better_by"] / max(s["error"], 1e-12))
    return (
        f"Supported: {gain}, the prediction made beforehand held and "
        f"{best['name'].replace('_', ' ')} went from {best['from']:.2f} to {best['to']:.2f}."
    )


def _gain_words(gain):
    if gain is None:
        return "the gain of compute could not be measured"
    low, high = gain["interval"]
    change = f"falls by {gain['gain']:.1%}" if gain["gain"] > 0 else f"rises by {-gain['gain']:.1%}"
    return (
        f"with {gain['ratio']:.0f}x more compute the best loss {change} (gain: 95 % interval "
        f"{low:.1%} to {high:.1%}; the least that matters was set to {gain['minimum']:.1%})"
    )
