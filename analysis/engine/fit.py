"""Fit a law: score all starts, follow the best to their ends, polish the winner, say its status."""

from dataclasses import dataclass

import numpy as np

from analysis.engine import polish, solve, status
from analysis.engine.problem import Problem

STARTS, FOLLOW = 4500, 24
SAME = 1e-4, 1e-15  # a start agrees whose end is this close to the winner's value (share, per row)
JOINT_ITERATIONS = 3  # each start of a resample gets these before the best is followed alone


@dataclass(frozen=True)
class Fit:
    """A fitted law. theta is internal; `parameters` and `derived` are in the inputs' own units."""

    problem: Problem
    theta: np.ndarray  # (K,)
    value: float
    status: status.Status
    ends: np.ndarray  # (S, K) where the followed starts ended, best first
    values: np.ndarray  # (S,)
    begins: np.ndarray  # (S, K) where they began

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
    theta = problem.law.starts(problem.x, np.log(problem.loss), starts, rng)
    theta = np.clip(theta, *problem.law.bounds)
    scores = solve.values(problem, problem.objective, theta, *solve.batch(problem, len(theta)))
    begins = theta[np.argsort(scores)[:follow]]
    ends, values = solve.descend(problem, begins)
    order = np.argsort(values)
    begins, ends, values = begins[order], ends[order], values[order]
    best = polish.snap(problem, polish.polish(problem, ends[0]))
    value = polish.value(problem, best)
    agree = float(np.mean(values <= value * (1 + SAME[0]) + SAME[1] * len(problem.loss)))
    judged = status.judge(problem, best, agree, len(theta), len(ends))
    return Fit(problem, best, value, judged, ends, values, begins)


def refit(fit, weights=None, loss=None, starts=5):
    """Refit to resamples: theta (P, K), value (P,).

    weights (P, R) and loss (P, R) as in `solve.descend`. Each resample is tried from the winner and
    from other survivors, a few joint iterations each, and its best is followed to the end.
    """
    problem = fit.problem
    count = len(weights if weights is not None else loss)
    points = _points(fit, starts)
    ends = [
        solve.descend(
            problem,
            np.repeat(point[None], count, 0),
            weights,
            loss,
            iterations=JOINT_ITERATIONS,
        )
        for point in points
    ]
    best = np.argmin([value for _, value in ends], axis=0)
    theta = np.stack([theta for theta, _ in ends])[best, np.arange(count)]
    return solve.descend(problem, theta, weights, loss)


def _points(fit, count):
    """The winner, other optima where starts ended in them, and where survivors began."""
    other = fit.ends[fit.values > fit.value * (1 + SAME[0])][: (count - 1) // 2]
    spread = np.linspace(0, len(fit.begins) - 1, count - 1 - len(other)).round().astype(int)
    return [fit.theta, *other, *fit.begins[spread]]
