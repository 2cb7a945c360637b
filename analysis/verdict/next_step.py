"""The one thing to do next about what stands first in a verdict's way, and what it costs."""

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from analysis.engine import student
from analysis.fitting.result import Fit
from analysis.frontier.forecast import Gain
from analysis.planning.devices import span
from analysis.verdict.proposal import Proposal, Runs, count, propose
from analysis.verdict.thresholds import CHANCE, CONFIDENCE, REPEATS, SENSIBLE, SPAN, minimum
from analysis.verdict.video_scores import ScoreGain

if TYPE_CHECKING:
    from analysis.verdict.checks import Check, Overfit

TIMES = (2, 4, 8, 16, 32, 64)  # as many videos that are tried for scores
REPLICAS = (1, 2, 4, 8)  # further seeds of every run that are tried
NOISE_RUNS = 4  # repeats that measure the noise between runs where nothing has
FARTHEST = 8.0  # times the largest budget that a prediction is proposed for
TOWARDS_REFUTED = ("overfit", "rises", "gain")


@dataclass(frozen=True)
class Evidence:
    """What a verdict rests on; None where it could not be measured or nothing was predicted."""

    gain: Gain | None
    prediction: "Check | None"
    scores: list[ScoreGain]
    overfit: "Overfit"


@dataclass(frozen=True)
class Step:
    """What to do about the first block that matters; `times_spent`: over all compute so far."""

    block: str
    proposal: Proposal
    times_spent: float

    @property
    def sensible(self) -> bool:
        """Whether it will likely help, and is no more than SENSIBLE times what was spent."""
        chance = self.proposal.chance
        return (chance is None or chance >= CHANCE) and self.times_spent <= SENSIBLE

    @property
    def sentence(self) -> str:
        """For people."""
        chance = self.proposal.chance
        chance = "" if chance is None else f", chance {chance:.0%}"
        if self.sensible:
            return f"Next: {self.proposal.do} ({_cost(self.proposal)}{chance})."
        times = f"{self.times_spent:.3g} times all compute spent so far"
        cost = _cost(self.proposal)
        return f"Nothing sensible would decide it: even {cost}, {times}, may not{chance}."


def next_step(rows: pd.DataFrame, fit: Fit, found: Evidence, blocks: list[str]) -> Step:
    """A proposal about the first of `blocks` that matters.

    Where the gain looks too small only what stands against "refuted" matters.
    """
    gain = found.gain
    if gain is not None and gain.gain < minimum(gain.ratio):
        blocks = [block for block in blocks if block in TOWARDS_REFUTED] or blocks
    proposal = _STEPS[blocks[0]](rows, fit, found)
    return Step(blocks[0], proposal, proposal.flops / float(rows["flops"].sum()))


def _cost(proposal):
    if proposal.flops == 0:
        return "no training"
    hours, device = proposal.gpu_hours, proposal.device
    time = "" if hours is None else f", about {span(hours)} on {device or 'the same device'}"
    return f"{proposal.flops:.2g} FLOPs{time}"


def _more_videos(rows, fit, found):
    """Train the runs that repeat their videos too often again, on more videos."""
    overfit = found.overfit
    again = rows[rows["run_id"].astype(str).isin(overfit.repeats)]
    runs = [Runs(*each) for each in again[["flops", "params"]].astype(float).to_numpy().tolist()]
    times = overfit.most_epochs / REPEATS
    do = (
        f"collect {times:.3g}x as many videos and train the {len(runs)} runs again that pass over "
        f"theirs more than {REPEATS:g} times"
    )
    return propose(rows, do, runs)


def _steadier(rows, fit, found):
    """Train the budgets where the best loss rises again, at half the learning rate."""
    risen = found.overfit.rises
    at = ", ".join(f"{flops:.3g}" for flops in risen)
    runs = [run for b in fit.budgets if b.flops in risen for run in _cells(b)]
    return propose(rows, f"train the runs at {at} FLOPs again with half the learning rate", runs)


def _span(rows, fit, found):
    """Nothing is known without a noise, nor over too short a span."""
    if fit.noise is None:
        budget = fit.budgets[0]
        run = Runs(budget.flops, budget.size, NOISE_RUNS)
        do = (
            f"repeat size {count(budget.size)} at {budget.flops:.3g} FLOPs with {NOISE_RUNS} "
            "other seeds"
        )
        return propose(rows, do, [run])
    flops = [budget.flops for budget in fit.budgets]
    return _budget(rows, fit, max(SPAN * flops[0] / flops[-1], 2.0), predict=len(flops) > 1)


def _seeds(rows, fit, found):
    """Repeats of every run until the gain's interval leaves the least that matters."""
    gain = found.gain
    least = -math.log1p(-minimum(gain.ratio))
    for extra in REPLICAS:
        after = gain.error / math.sqrt(1 + extra)
        df = fit.noise.df + extra * len(rows)
        chance = chance_outside(gain.fall - least, gain.error, after, df)
        if chance >= CHANCE:
            break
    return _repeated(rows, fit, extra, chance)


def _repeated(rows, fit, extra, chance=None):
    runs = [replace(run, seeds=extra) for b in fit.budgets for run in _cells(b)]
    do = f"repeat every run with {extra} more seed{'s' * (extra > 1)}"
    return propose(rows, do, runs, chance)


def chance_outside(distance: float, before: float, after: float, df: float) -> float:
    """Chance that an interval of error `after` will leave a value now `distance` away.

    The estimate itself will move, by what the present error `before` does not share with it.
    """
    reach = student.quantile(df, CONFIDENCE) * after
    spread = math.sqrt(max(before**2 - after**2, 1e-24))
    above, below = (special.ndtr((sign * distance - reach) / spread) for sign in (1, -1))
    return float(above + below)


def _predicted(rows, fit, found):
    """Predict a budget ahead and run it: the nearest whose prediction would test something.

    Where none within FARTHEST would, the runs are repeated first.
    """
    best = fit.budgets[-1].loss
    step = _usual(fit)
    ahead = [f for f in fit.forecasts if step * 0.99 <= f.times <= FARTHEST * 1.01]
    for forecast in ahead:
        if is_telling(forecast.interval, forecast.loss, best):
            return _budget(rows, fit, forecast.times, predict=True)
    if found.prediction is None:
        return _budget(rows, fit, step, predict=True)
    return _repeated(rows, fit, REPLICAS[0])


def is_telling(interval: list[float] | None, loss: float, no_change: float) -> bool:
    """True if a prediction's interval is narrower than the step it predicts.

    As it holds `loss`, it then leaves out `no_change`, which is that step away.
    """
    if interval is None or not interval[0] > 0:
        return False
    return math.log(interval[1] / interval[0]) < abs(math.log(no_change / loss))


def _usual(fit):
    """The sweep's own step in compute."""
    flops = [budget.flops for budget in fit.budgets]
    return float(np.exp(np.median(np.diff(np.log(flops))))) if len(flops) > 1 else 2.0


def _budget(rows, fit, factor, predict):
    """A budget `factor` above the largest, with as many sizes about its best."""
    factor = float(f"{factor:.6g}")
    top, law = fit.budgets[-1], fit.size_law.parameters
    flops, grow = top.flops * factor, factor ** (law["a"] if law else 0.5)
    runs = [Runs(flops, size * grow) for size in top.sizes]
    words = f"{len(runs)} sizes from {count(runs[0].size)} to {count(runs[-1].size)}"
    what = words if len(runs) > 1 else f"size {count(runs[0].size)}"
    do = f"run {what} with {flops:.3g} FLOPs"
    if predict:
        do = (
            f"write down a prediction of {flops:.3g} FLOPs (analysis.predict --factor "
            f"{factor:.4g}), then {do}"
        )
    return propose(rows, do, runs, predict=factor if predict else None)


def _first_scores(rows, fit, found):
    """Of each budget: two runs alone don't tell how much of a difference is one between seeds."""
    return propose(rows, f"score videos of the best runs of each budget ({_evaluate(rows)})")


def _more_clips(rows, fit, found):
    """Sample and score more videos of the runs compared: no training."""
    known = [score for score in found.scores if math.isfinite(score.error)]
    if not known:
        return _first_scores(rows, fit, found)
    chance, times = max(map(_clips, known))
    do = f"sample and score {-times}x as many videos of the best runs of each budget"
    return propose(rows, f"{do} ({_evaluate(rows, ' --clips N')})", chance=chance)


def _evaluate(rows, more=""):
    """How: by our command where the runs are ours."""
    if "experiment" in rows.columns:
        return f"python -m vdit.evaluate --root DIR --best{more}; no training"
    return "columns NAME, its error NAME_se and NAME_real, of real videos; no training"


def _clips(score):
    """(chance, -times): the fewest times as many clips that reach CHANCE, else the most."""
    for times in TIMES:
        after = score.clips_error / math.sqrt(times)
        total = math.hypot(after, score.seeds_error)
        spread = math.sqrt(max(score.error**2 - total**2, 1e-24))
        z = (score.better_by - score.reach * total) / spread
        chance = 0.5 * math.erfc(-z / math.sqrt(2))
        if chance >= CHANCE:
            break
    return chance, -times


def _cells(budget):
    return [Runs(budget.flops, size) for size in budget.sizes]


_STEPS = {
    "overfit": _more_videos,
    "rises": _steadier,
    "span": _span,
    "gain": _seeds,
    **dict.fromkeys(("unpredicted", "late", "wide", "missed"), _predicted),
    "unscored": _first_scores,
    "scores": _more_clips,
}
