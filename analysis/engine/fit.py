"""Fit a law: score starts, follow the best to their ends, say what the winner is worth."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analysis.engine import corner, solve, status
from analysis.engine.problem import Problem
from analysis.laws.law import Law

# Half as many found the lowest optimum known of every table tried, a third did not
# (analysis/results/bench). A law whose optima are many says so in its `search`.
STARTS, FOLLOW = 60, 4
SEARCHED = 1024, 2**19  # rows, and starts x rows, that are looked at; the winner goes on with all
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
    values: np.ndarray  # (S,) of the rows they were followed on

    @property
    def parameters(self) -> dict[str, float]:
        """The law's parameters by name."""
        return self.problem.law.named(self.theta, self.problem.centre)

    @property
    def derived(self) -> dict[str, float]:
        """What follows from them."""
        return self.problem.law.derived(self.theta, self.problem.centre)

    def predict(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Loss (M,) at inputs by role."""
        return predict(self.problem, self.theta[None], inputs)[0]


def predict(problem: Problem, theta: np.ndarray, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Loss (P, M) of each theta (P, K) at inputs by role."""
    return np.exp(problem.law.log_loss(theta, problem.at(inputs))[0])


def fit(
    problem: Problem,
    starts: int | None = None,
    follow: int | None = None,
    rng: np.random.Generator | None = None,
    iterations: int = solve.ITERATIONS,
) -> Fit:
    """Fit a Problem from `starts` starts, of which the `follow` best are followed to their ends.

    By default as many as its law needs (`usual`); each for `iterations` at most, the winner longer.
    """
    ends, values = search(problem, starts, follow, rng, iterations)
    winner, _ = solve.descend(problem, ends[:1], **LAST_DIGITS)
    best = solve.snap(problem, winner[0])
    if problem.objective.name == "lad":
        best = corner.meet(problem, best)
    limit = values[0] * (1 + SAME[0]) + SAME[1] * len(problem.loss)
    agree = float(np.mean(values <= limit))
    judged = status.judge(problem, best, agree, starts or usual(problem.law)[0], len(ends))
    return Fit(problem, best, solve.value(problem, best), judged, ends, values)


def usual(law: Law) -> tuple[int, int]:
    """How many starts a law is sought from, and how many of them are followed."""
    return getattr(law, "search", (STARTS, FOLLOW))


def search(
    problem: Problem,
    starts: int | None = None,
    follow: int | None = None,
    rng: np.random.Generator | None = None,
    iterations: int = solve.ITERATIONS,
) -> tuple[np.ndarray, np.ndarray]:
    """Where the `follow` best of `starts` starts end (S, K), best first, and their values (S,).

    Of very many rows SEARCHED are looked at, drawn evenly: an optimum of them is a start for all,
    nearer than any other.
    """
    starts, follow = starts or usual(problem.law)[0], follow or usual(problem.law)[1]
    rows, most = len(problem.loss), min(SEARCHED[0], SEARCHED[1] // starts)
    if rows > most:
        drawn = np.random.default_rng(0).choice(rows, most, replace=False)
        problem = problem.take(np.sort(drawn))
    theta = problem.law.starts(problem.x, problem.log_loss, starts, rng)
    theta = np.clip(theta, *problem.law.bounds)
    scores = solve.values(problem, problem.objective, theta, solve.weighed(problem, len(theta)))
    ends, values = solve.descend(problem, theta[np.argsort(scores)[:follow]], iterations=iterations)
    order = np.argsort(values)
    return ends[order], values[order]


def refit(
    fit: Fit, weights: np.ndarray, settled: float = solve.SETTLED
) -> tuple[np.ndarray, np.ndarray]:
    """Refit to resamples, begun at the winner: theta (P, K), value (P,).

    weights (P, R) as in `solve.descend`.
    """
    theta = np.repeat(fit.theta[None], len(weights), 0)
    return solve.descend(fit.problem, theta, weights, settled=settled)
