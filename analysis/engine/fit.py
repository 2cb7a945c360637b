"""Fit a law: score starts, follow the best to their ends, say what the winner is worth."""

from dataclasses import dataclass

import numpy as np

from analysis.engine import corner, solve, status
from analysis.engine.problem import Problem

# The fewest that found the lowest optimum known of every table tried: analysis/results/bench.
STARTS, FOLLOW = 60, 20
SOLVED_FOR = 4096  # rows whose losses start points are solved for; they are scored by all
LAST_DIGITS = {"iterations": 1000, "settled": 1e-15}  # of the winner: flat valleys are long
SAME = 1e-4, 1e-15  # a start agrees whose end is this close to the winner's value (share, per row)


@dataclass(frozen=True)
class Fit:
    """A fitted law. theta is internal; `parameters` and `derived` are in the inputs' own units."""

    problem: Problem
    theta: np.ndarray  # (K,)
    value: float
    status: status.Status
    ends: np.ndarray  # (S, K) where the followed starts ended, best first
    values: np.ndarray  # (S,)

    @property
    def parameters(self):
        """The law's parameters by name."""
        return self.problem.law.named(self.theta, self.problem.centre)

    @property
    def derived(self):
        """What follows from them."""
        return self.problem.law.derived(self.theta, self.problem.centre)

    def predict(self, inputs):
        """Loss (M,) at inputs by role."""
        return predict(self.problem, self.theta[None], inputs)[0]


def predict(problem, theta, inputs):
    """Loss (P, M) of each theta (P, K) at inputs by role."""
    return np.exp(problem.law.log_loss(theta, problem.at(inputs))[0])


def fit(problem, starts=STARTS, follow=FOLLOW, rng=None):
    """Fit a Problem from `starts` starts, of which the `follow` best are followed to their ends."""
    theta = begin(problem, starts, rng)
    scores = solve.values(problem, problem.objective, theta, *solve.batch(problem, len(theta)))
    ends, values = solve.descend(problem, theta[np.argsort(scores)[:follow]])
    order = np.argsort(values)
    ends, values = ends[order], values[order]
    winner, _ = solve.descend(problem, ends[:1], **LAST_DIGITS)
    best = solve.snap(problem, winner[0])
    if problem.objective.name == "lad":
        best = corner.meet(problem, best)
    value = solve.value(problem, best)
    agree = float(np.mean(values <= value * (1 + SAME[0]) + SAME[1] * len(problem.loss)))
    judged = status.judge(problem, best, agree, len(theta), len(ends))
    return Fit(problem, best, value, judged, ends, values)


def begin(problem, count=STARTS, rng=None, kept=None):
    """Start points (count, K) from the losses of at most SOLVED_FOR rows, drawn evenly.

    kept: (R,) True for the rows that may be looked at (all).
    """
    rows = np.arange(len(problem.loss)) if kept is None else np.flatnonzero(kept)
    if len(rows) > SOLVED_FOR:
        rows = np.random.default_rng(0).choice(rows, SOLVED_FOR, replace=False)
    theta = problem.law.starts(problem.x[:, rows], np.log(problem.loss[rows]), count, rng)
    return np.clip(theta, *problem.law.bounds)


def refit(fit, weights=None, log_loss=None, settled=solve.SETTLED):
    """Refit to resamples, begun at the winner: theta (P, K), value (P,).

    weights (P, R) and log_loss (P, R) as in `solve.descend`.
    """
    count = len(weights if weights is not None else log_loss)
    theta = np.repeat(fit.theta[None], count, 0)
    return solve.descend(fit.problem, theta, weights, log_loss, settled=settled)
