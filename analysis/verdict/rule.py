"""Does more compute give better video? Supported, refuted or undecided, by a rule set beforehand.

An exponent above zero proves nothing: its interval excludes zero on flat data too. So the rule
asks for a gain that matters, a prediction that held, and scores of the videos themselves.
"""

from analysis.verdict import checks


def judge(rows, fit, prediction=None):
    """Apply the rule to selected rows, their fit, and a prediction: a dict with the sentence."""
    found = {
        "gain": checks.gain(rows, fit),
        "prediction": checks.check_prediction(rows, fit, prediction),
        "scores": checks.compare_scores(rows, fit),
        "overfit": checks.overfit(rows, fit),
    }
    verdict, reasons = _decide(**found)
    return {**found, "verdict": verdict, "reasons": reasons, "sentence": _sentence(verdict, found)}


def _decide(gain, prediction, scores, overfit):
    reasons = []
    if overfit["budgets"]:
        reasons.append("the best runs over-fit a small set of videos, which bends the curve")
    elif overfit["rises"]:
        reasons.append("the best loss rises with compute somewhere")
    if gain is None:
        reasons.append("no two budgets with a known error are about 8x apart")
    elif gain["interval"][1] < gain["minimum"] and not reasons:
        return "refuted", []
    elif gain["interval"][0] <= gain["minimum"]:
        reasons.append("the gain's interval reaches below the least that matters")
    if prediction is None:
        reasons.append("no prediction of a budget that was then run")
    elif not prediction["before"]:
        reasons.append(
            "the prediction is not known to be older than the runs it is checked against"
        )
    elif prediction["inside"] and not prediction["narrow"]:
        reasons.append("the prediction's interval is wider than the gain, so it tests little")
    elif not prediction["held"]:
        reasons.append("the prediction did not hold")
    if not scores:
        reasons.append("the videos themselves have no scores on this data")
    elif not any(score["improves"] for score in scores):
        reasons.append("no score of the videos improves beyond its interval")
    return ("undecided", reasons) if reasons else ("supported", [])


def _sentence(verdict, found):
    parts = [_gain_words(found["gain"])]
    if verdict == "supported":
        best = max((s for s in found["scores"] if s["improves"]), key=lambda s: s["better_by"])
        parts.append("the prediction made beforehand held")
        parts.append(
            f"{best['name'].replace('_', ' ')} went from {best['from']:.2f} to {best['to']:.2f}"
        )
    if verdict == "undecided":
        _, reasons = _decide(**{k: found[k] for k in ("gain", "prediction", "scores", "overfit")})
        return f"Undecided: {parts[0]}; but {'; '.join(reasons)}."
    return (
        f"{verdict.capitalize()}: {', '.join(parts[:-1])}{' and ' * (len(parts) > 1)}{parts[-1]}."
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
