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

from dataclasses import dataclass

import pandas as pd

from analysis.fitting.result import Fit
from analysis.frontier.prediction import Prediction
from analysis.verdict import checks, next_step, video_scores
from analysis.verdict.next_step import Evidence, Step
from analysis.verdict.thresholds import minimum

WORDS = {
    "overfit": "the best runs over-fit a small set of videos, which bends the curve",
    "rises": "the best loss rises with compute somewhere",
    "span": "the budgets span less than 8x, no noise is known, or the laws do not bound the gain",
    "gain": "the gain's interval reaches below the least that matters",
    "unpredicted": "no prediction of a budget that was then run",
    "late": "the prediction is not known to be older than the runs it is checked against",
    "wide": "the prediction's interval is wider than the step it predicts, or unknown: no test",
    "missed": "the prediction did not hold",
    "unscored": "the videos themselves have no scores on this data",
    "scores": "no score of the videos improves beyond its interval",
}


@dataclass(frozen=True)
class Verdict:
    """What the rule says, and of what.

    `blocks` names what stands against a decision (the keys of `WORDS`); `next_` is the step about
    the first of them, None where it is decided.
    """

    word: str  # supported | refuted | undecided
    blocks: tuple[str, ...]
    evidence: Evidence
    next_: Step | None

    @property
    def reasons(self) -> list[str]:
        """What stands against a decision, in words."""
        return [WORDS[block] for block in self.blocks]

    @property
    def sentence(self) -> str:
        """All of it in one."""
        gain = _gain_words(self.evidence.gain)
        if self.word == "refuted":
            return f"Refuted: {gain}."
        if self.word == "undecided":
            first = WORDS[self.next_.block]
            return f"Undecided: {gain}; first in the way: {first}. {self.next_.sentence}"
        # Scores have units of their own: the clearest is the one that moved by the most errors.
        better = (score for score in self.evidence.scores if score.improves)
        best = max(better, key=lambda s: s.better_by / max(s.error, 1e-12))
        return (
            f"Supported: {gain}, the prediction made beforehand held and "
            f"{best.name.replace('_', ' ')} went from {best.from_:.2f} to {best.to:.2f}."
        )


def judge(rows: pd.DataFrame, fit: Fit, prediction: Prediction | None = None) -> Verdict:
    """Apply the rule to selected rows, their fit, and a prediction."""
    found = Evidence(
        gain=fit.gain,
        prediction=checks.check_prediction(rows, fit, prediction),
        scores=video_scores.compare(rows, fit),
        overfit=checks.overfit(rows, fit),
    )
    word, blocks = _decide(found)
    step = next_step.next_step(rows, fit, found, blocks) if word == "undecided" else None
    return Verdict(word, tuple(blocks), found, step)


def _decide(found):
    """The verdict and what blocks it."""
    gain, overfit, scores = found.gain, found.overfit, found.scores
    blocks = ["overfit"] if overfit.budgets else ["rises"] if overfit.rises else []
    if gain is None:
        blocks.append("span")
    elif gain.interval[1] < minimum(gain.ratio) and not blocks:
        return "refuted", []
    elif gain.interval[0] <= minimum(gain.ratio):
        blocks.append("gain")
    blocks += _prediction_blocks(found.prediction)
    if not scores:
        blocks.append("unscored")
    elif not any(score.improves for score in scores):
        blocks.append("scores")
    return ("undecided" if blocks else "supported"), blocks


def _prediction_blocks(check):
    if check is None:
        return ["unpredicted"]
    if not check.before:
        return ["late"]
    if check.held:
        return []
    return ["wide" if check.inside or check.interval is None else "missed"]


def _gain_words(gain):
    if gain is None:
        return "the gain of compute could not be measured"
    low, high = gain.interval
    change = f"falls by {gain.gain:.1%}" if gain.gain > 0 else f"rises by {-gain.gain:.1%}"
    return (
        f"with {gain.ratio:.0f}x more compute the best loss {change} (gain: 95 % interval "
        f"{low:.1%} to {high:.1%}; the least that matters was set to {minimum(gain.ratio):.1%})"
    )
