"""What laws said of budgets they had not seen, and the forecast of all of them together.

Every law is fitted to the first k budgets, with the smallest of them and without (`windows`), and
asked for the distribution of every later minimum, for every k from FIRST on (how sharply isoFLOP
curves bend, and the noise, are of all budgets). Laws weigh by the density that they gave to what
came (stacking by predictive densities, 1704.02030) in trials that looked at least as far ahead; the
forecast is their mixture, so its interval holds their disagreement. A law that is another's special
case (the power law, the last budgets' slope) does not vote twice. Farther than any trial looked
nothing tells the laws apart: there all of them, special cases too, weigh alike.
"""

import functools
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.engine import student
from analysis.engine.student import Mixture
from analysis.frontier import curve, minima, runs, windows
from analysis.frontier.minima import Minima
from analysis.frontier.windows import Fitted, Windows

FIRST = 2
MOST = 8  # splits: the last ones, where there are more budgets
STACKED = ("frontier", "curved", *runs.LAWS)
NO_CHANGE = "no change"
SAME = 0.02  # of log compute: steps of budgets that differ by less look as far


@dataclass(frozen=True)
class Trial:
    """One budget that was asked of laws fitted to the first `fitted`: {law: Mixture}."""

    fitted: int
    at: int  # number of the budget
    log_c: float
    log_loss: float
    ahead: float  # log compute beyond the last one fitted
    said: dict[str, Mixture]

    @property
    def horizon(self) -> int:
        """Budgets between the last one fitted and this one."""
        return self.at - self.fitted + 1

    @functools.cached_property
    def densities(self) -> dict[str, float]:
        """{law: log density that it gave to what came}; every forecast asks for them again."""
        return {name: told.log_density(self.log_loss) for name, told in self.said.items()}


def _score(name, told):
    """Log density that a law gave; the mean of one fit's, for what one fit says hangs together."""
    fits = {trial.fitted for trial in told}
    each = [[t.densities[name] for t in told if t.fitted == k] for k in fits]
    return sum(np.mean(densities) for densities in each)


@dataclass(frozen=True)
class Stack:
    """Laws fitted to all budgets, and how they did in trials."""

    laws: dict[str, Windows]
    trials: list[Trial]
    last: float  # log compute of the largest budget

    @property
    def windows(self) -> "list[Stack]":
        """Of the laws through the most budgets, and of those through the fewest; [] where alike."""
        if max((len(law.parts) for law in self.laws.values()), default=1) < 2:
            return []
        return [
            replace(self, laws={name: law.alone(part) for name, law in self.laws.items()})
            for part in (0, -1)
        ]

    @property
    def tested(self) -> float:
        """Times of compute beyond what laws were fitted to, of the farthest trial."""
        return float(np.exp(max((trial.ahead for trial in self.trials), default=0.0)))

    def weights(self, log_c: float) -> dict[str, float]:
        """{law: share} of a forecast for log compute, of the laws that vote there."""
        ahead = log_c - self.last
        told = [trial for trial in self.trials if trial.ahead > ahead - SAME]
        if not told:
            return dict.fromkeys(self.laws, 1 / max(len(self.laws), 1))
        able = [n for n in STACKED if n in self.laws and all(n in t.said for t in self.trials)]
        scores = np.array([_score(name, told) for name in able])
        shares = np.exp(scores - scores.max())
        return dict(zip(able, (shares / shares.sum()).tolist(), strict=True))

    def at(self, log_c: float, variance: float = 0.0) -> Mixture:
        """Of log loss: the laws', or of a minimum whose log has that `variance`."""
        return self._mixed(log_c, lambda law: law.at(log_c, variance))

    def fall(self, low: float, high: float) -> Mixture:
        """Of log loss at log compute `low` over that at `high`."""
        return self._mixed(high, lambda law: law.fall(low, high))

    def value(self, log_c: float) -> float:
        """Log loss, the mean of the laws': where no noise is known."""
        weights = self.weights(log_c).items()
        return sum(w * float(np.squeeze(self.laws[n].value(log_c))) for n, w in weights)

    def _mixed(self, log_c, said):
        weights = self.weights(log_c)
        return student.stack(list(weights.values()), [said(self.laws[n]) for n in weights])


def fitted(
    found: Minima,
    rows: pd.DataFrame | None = None,
    columns: dict[str, str] | None = None,
    left_out: tuple[int, ...] = windows.LEFT_OUT,
) -> dict[str, Windows]:
    """Every law that the minima, and the runs of their budgets, can tell; by name.

    Of windows without the `left_out` smallest budgets; of all where fewer than FIRST would be left,
    and of a law through runs where too few are left to tell it.
    What only a later window tells is no law of theirs: the first is the law through all of them.
    """
    if len(found.log_c) < FIRST:
        return {}
    told = [count for count in left_out if len(found.log_c) - count >= FIRST] or [0]
    fits = [_fitted(found.without(count), _from(found, rows, count), columns) for count in told]
    ahead = float(found.log_c[-1])
    for fit in fits[1:]:
        for name in [n for n in runs.LAWS if n in fit and not fit[n].tells(ahead)]:
            del fit[name]
    since = [float(found.log_c[count]) for count in told]
    return {name: _windows(name, fits, since) for name in fits[0]}


def _windows(name, fits, since):
    parts = [(fit[name], at) for fit, at in zip(fits, since, strict=True) if name in fit]
    return Windows(*zip(*parts, strict=True))


def _from(found, rows, count):
    """The rows of all budgets but the `count` smallest that have a minimum."""
    if rows is None or not count:
        return rows
    return rows[rows["flops_budget"] > np.exp(found.log_c[count - 1]) * (1 + 1e-6)]


def _fitted(found: Minima, rows, columns) -> dict[str, Fitted]:
    laws = {name: minima.posterior(name, found) for name in curve.LAWS}
    if rows is None:
        return laws
    limit = np.exp(found.log_c[-1]) * (1 + 1e-6)
    seen = rows[rows["flops_budget"] <= limit]
    surfaces = {name: runs.fit(name, seen, columns) for name in runs.LAWS}
    return laws | {name: law for name, law in surfaces.items() if law is not None}


def trials(
    found: Minima,
    rows: pd.DataFrame | None = None,
    columns: dict[str, str] | None = None,
    left_out: tuple[int, ...] = windows.LEFT_OUT,
) -> list[Trial]:
    """Every later budget asked of every law, for every number of first budgets."""
    count = len(found.log_c)
    variance = np.diag(found.loss_covariance)
    made = []
    for k in range(max(FIRST, count - MOST), count):
        first = found.first(k)
        laws = fitted(first, rows, columns, left_out)
        for at in range(k, count):
            log_c = float(found.log_c[at])
            said = {name: law.at(log_c, variance[at]) for name, law in laws.items()}
            said[NO_CHANGE] = student.single(
                float(np.log(first.loss[-1])), float(np.sqrt(variance[k - 1] + variance[at])), 4.0
            )
            ahead = log_c - float(first.log_c[-1])
            made.append(Trial(k, at, log_c, float(np.log(found.loss[at])), ahead, said))
    return made
