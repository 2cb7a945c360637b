"""One point and one interval for the loss of a compute not run, from all laws that vote."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from analysis.frontier import backtest, rollout, windows
from analysis.frontier.backtest import Stack
from analysis.frontier.minima import Minima
from analysis.frontier.rollout import Rollout
from analysis.frontier.runs import Surface

SPAN = 8.0  # times of compute over which the gain is taken
WIDEST = 1.0  # of log loss: an interval over a factor of e says nothing, and is not told
SHIFT = 1 / 6  # of an interval, by which the smallest budget may move a forecast unsaid


@dataclass(frozen=True)
class Share:
    """What one law says of a forecast that it has a share in."""

    weight: float
    loss: float
    interval: list[float] | None


@dataclass(frozen=True)
class Gain:
    """By what share the best loss falls over `ratio` of compute, with its 95 % interval.

    `fall` and `error`, half of the 68 % interval, are of log loss.
    """

    ratio: float
    from_: float
    to: float
    gain: float
    interval: list[float]
    fall: float
    error: float


@dataclass(frozen=True)
class Forecast:
    """Loss at `flops`; `laws` {law: its share} of what it is mixed.

    `times` the largest budget; `tested`: how far ahead, in times of compute, laws were tested on
    this table: an interval beyond it rests on laws that nothing here has tried. `windows`: what
    laws of all budgets say, and laws of all but the smallest, the middle of each; None where too
    few are left. `unbounded`: noise is known, and yet the laws do not bound the loss (`WIDEST`), so
    that there is no interval.
    """

    flops: float
    loss: float
    interval: list[float] | None
    times: float
    tested: float
    laws: dict[str, Share]
    windows: list[float] | None = None
    unbounded: bool = False
    WRITTEN: ClassVar = ("beyond",)

    @property
    def beyond(self) -> bool:
        """True farther ahead than any law was tested."""
        return self.times > self.tested * (1 + 1e-6)

    @property
    def hangs_on_smallest(self) -> bool:
        """True where the windows are more than SHIFT of the interval apart."""
        if not self.windows or not self.interval:
            return False
        shift, width = (abs(np.log(a / b)) for a, b in (self.windows, self.interval))
        return bool(shift > SHIFT * width)


def smallest_budget(said: Iterable[Forecast]) -> str:
    """What the farthest of the forecasts that was tested, at most SPAN ahead, owes to it.

    "" where none can say.
    """
    told = [one for one in said if one.windows and not one.beyond and one.times < SPAN * 1.02]
    if not told:
        return ""
    far = max(told, key=lambda one: one.times)
    words = (
        f"at {far.times:.3g}x laws of all budgets say {far.windows[0]:.4f}, without the smallest "
        f"{far.windows[1]:.4f}; the forecast is the middle of both together"
    )
    if not far.hangs_on_smallest:
        return words
    return (
        f"{words}. It hangs on the smallest budget, by more than a sixth of its interval: "
        "either the curve nears a floor, or that budget lies above the law of the others "
        "(see the slopes from budget to budget)"
    )


@dataclass(frozen=True)
class Outlook:
    """The stack of a table, its trials as they are shown, and the minima it rests on."""

    stack: Stack
    trials: Rollout
    minima: Minima

    def at(self, flops: float) -> Forecast:
        """Of the minimum of a budget of `flops` that is designed like the largest."""
        log_c, found = float(np.log(flops)), self.minima
        known = found.noise is not None
        variance = float(found.loss_covariance[-1, -1])
        laws = {
            name: Share(weight, *_said(self.stack.laws[name], log_c, variance, known))
            for name, weight in self.stack.weights(log_c).items()
        }
        loss, interval = _said(self.stack, log_c, variance, known)
        return Forecast(
            flops,
            loss,
            interval,
            flops / float(np.exp(found.log_c[-1])),
            self.stack.tested,
            laws,
            [_middle(part, log_c, variance, known) for part in self.stack.windows] or None,
            unbounded=known and interval is None,
        )

    def loss(self, flops: float) -> float:
        """The same, its loss alone: for curves, many times as quick."""
        known, variance = self.minima.noise is not None, float(self.minima.loss_covariance[-1, -1])
        return _middle(self.stack, float(np.log(flops)), variance, known)

    @property
    def surface(self) -> Surface | None:
        """Chinchilla's law through all runs, where they tell it."""
        law = self.stack.laws.get("chinchilla")
        return law and law.whole

    def gain(self) -> Gain | None:
        """By what share the frontier's loss falls over the last SPAN of compute, by the laws.

        None where the budgets span less, no noise was measured, or the laws do not bound it.
        """
        log_c = self.minima.log_c
        low = float(log_c[-1] - np.log(SPAN))
        if self.minima.noise is None or low < log_c[0] - 1e-6 or not self.stack.laws:
            return None
        fall = self.stack.fall(low, float(log_c[-1]))
        if np.ptp(fall.interval()) > WIDEST:
            return None
        return _gain(fall, float(np.exp(low)), float(np.exp(log_c[-1])))


@np.errstate(over="ignore")  # of few runs: an interval may reach beyond all numbers
def _said(law, log_c, variance, known):
    middle = _middle(law, log_c, variance, known)
    low, high = law.at(log_c, variance).interval() if known else (0.0, np.inf)
    return middle, np.exp([low, high]).tolist() if high - low < WIDEST else None


def _middle(law, log_c, variance, known):
    log = law.at(log_c, variance).quantile(0.5) if known else np.squeeze(law.value(log_c))
    return float(np.exp(log))


def _gain(fall, low, high):
    middle, ends = fall.quantile(0.5), fall.interval()
    one, other = fall.interval(0.6827)
    share = (-np.expm1(-np.array(ends))).tolist()
    return Gain(SPAN, low, high, -float(np.expm1(-middle)), share, middle, (other - one) / 2)


def outlook(
    found: Minima,
    rows: pd.DataFrame | None = None,
    columns: dict[str, str] | None = None,
    left_out: tuple[int, ...] = windows.LEFT_OUT,
) -> Outlook:
    """Fit and test every law on the minima and, where `rows` are given, on their runs.

    In windows without the `left_out` smallest budgets. A law through runs whose errors say nothing
    at the largest budget has no vote: it would make the interval of all of them say nothing.
    """
    last = float(found.log_c[-1])
    laws = backtest.fitted(found, rows, columns, left_out)
    laws = {name: law for name, law in laws.items() if law.tells(last)}
    made = backtest.trials(found, rows, columns, left_out)
    stack = Stack(laws, made, last)
    return Outlook(stack, rollout.rollout(stack, found.log_c), found)
