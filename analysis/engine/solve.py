"""The one descent: damped Gauss-Newton over a batch of starts, resamples or held-out splits.

Rows beyond Huber's delta count with reduced curvature, so each step is a reweighted least squares.
The batch is worked on in blocks that stay in the processor's cache, so memory does not grow with
rows x elements; elements that have settled leave it.
"""

import numpy as np

from analysis.engine.objective import Objective
from analysis.engine.problem import Problem

ITERATIONS = 300  # of one element at most
BLOCK = 16384  # rows x elements worked on at once
LEAST_DAMPING, FIRST_DAMPING, MOST_DAMPING = 1e-9, 1e-3, 1e9
CALMER, WILDER = 0.2, 6.0  # damping changes by these after a step that helped or did not
SETTLED = 1e-11  # a step that promises a smaller share of the objective than this ends an element
ROUGHLY = 1e-6  # the same for objectives on the way to another
NOTHING = 1e-26  # and so does one that promises less than this per row: rounding
NEAR = 1e-12  # of a bound: on it


def descend(
    problem: Problem,
    theta: np.ndarray,
    weights: np.ndarray | None = None,
    iterations: int = ITERATIONS,
    settled: float = SETTLED,
) -> tuple[np.ndarray, np.ndarray]:
    """Minimise from theta (P, K); returns theta (P, K) and the objective (P,).

    weights: (P, R) counts of a bootstrap or zeros of held-out rows, on top of the problem's own.
    """
    weights = weighed(problem, len(theta), weights)
    *earlier, last = problem.objective.stages()
    for objective in earlier:
        theta = _descend(problem, objective, theta, weights, iterations, ROUGHLY)
    theta = _descend(problem, last, theta, weights, iterations, settled)
    return theta, values(problem, problem.objective, theta, weights)


def weighed(problem: Problem, count: int, weights: np.ndarray | None = None) -> np.ndarray:
    """Row weights (P, R); a view where they don't differ by element."""
    if weights is None:
        return np.broadcast_to(problem.weight, (count, len(problem.loss)))
    return weights if (problem.weight == 1).all() else weights * problem.weight


def blocks(problem: Problem, count: int) -> list[slice]:
    """Slices of `count` elements, each of about BLOCK rows x elements."""
    size = max(1, BLOCK // len(problem.loss))
    return [slice(at, at + size) for at in range(0, count, size)]


def values(
    problem: Problem, objective: Objective, theta: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """The objective (P,)."""
    found = np.empty(len(theta))
    for block in blocks(problem, len(theta)):
        log_prediction, _ = problem.law.log_loss(theta[block], problem.x)
        residual, _ = objective.residual(log_prediction, problem.log_loss)
        found[block] = (objective.cost(residual) * weights[block]).sum(1)
    return found


def value(problem: Problem, theta: np.ndarray) -> float:
    """The objective at one theta (K,)."""
    return float(values(problem, problem.objective, theta[None], weighed(problem, 1))[0])


def snap(problem: Problem, theta: np.ndarray) -> np.ndarray:
    """theta (K,) with what is a rounding away from a bound put on it."""
    low, high = problem.law.bounds
    theta = np.where(theta - low < NEAR, low, theta)
    return np.where(high - theta < NEAR, high, theta)


def quadratic(
    problem: Problem,
    objective: Objective,
    theta: np.ndarray,
    weights: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The objective (P,), its gradient (P, K) and a positive curvature (P, K, K)."""
    log_prediction, jacobian = problem.law.log_loss(theta, problem.x)
    residual, slope = objective.residual(log_prediction, problem.log_loss)
    jacobian = jacobian.swapaxes(1, 2)
    if slope is not None:
        jacobian = jacobian * slope[:, None]
    value = (objective.cost(residual) * weights).sum(1)
    gradient = (jacobian @ (objective.slope(residual) * weights)[:, :, None])[:, :, 0]
    curved = jacobian * (objective.curvature(residual) * weights)[:, None]
    return value, gradient, curved @ jacobian.swapaxes(1, 2)


class _State:
    """Where each element of the batch stands."""

    def __init__(self, count, parameters):
        self.value = np.empty(count)
        self.gradient = np.empty((count, parameters))
        self.hessian = np.empty((count, parameters, parameters))

    def take(self, at, other, better):
        """Elements `at[better]` become those of `other[better]`."""
        for name in ("value", "gradient", "hessian"):
            getattr(self, name)[at[better]] = getattr(other, name)[better]


def _evaluate(problem, objective, theta, weights, at):
    state = _State(len(theta), theta.shape[1])
    for block in blocks(problem, len(theta)):
        found = quadratic(problem, objective, theta[block], weights[at[block]])
        state.value[block], state.gradient[block], state.hessian[block] = found
    return state


def _descend(problem, objective, theta, weights, iterations, settled):
    theta = np.clip(theta, *problem.law.bounds)
    active = np.arange(len(theta))
    state = _evaluate(problem, objective, theta, weights, active)
    damping = np.full(len(theta), FIRST_DAMPING)
    nothing = NOTHING * len(problem.loss)
    for _ in range(iterations):
        proposal, promise = _step(problem, theta[active], state, active, damping[active])
        new = _evaluate(problem, objective, proposal, weights, active)
        better = new.value < state.value[active]
        over = promise <= settled * state.value[active] + nothing
        over |= damping[active] >= MOST_DAMPING
        theta[active[better]] = proposal[better]
        state.take(active, new, better)
        factor = np.where(better, CALMER, WILDER)
        damping[active] = np.clip(damping[active] * factor, LEAST_DAMPING, MOST_DAMPING)
        active = active[~over]
        if len(active) == 0:
            break
    return theta


def _step(problem, theta, state, active, damping):
    """A damped step that leaves parameters alone which a bound holds; and what it promises."""
    low, high = problem.law.bounds
    hessian, gradient = state.hessian[active], state.gradient[active]
    held = ((theta <= low) & (gradient > 0)) | ((theta >= high) & (gradient < 0))
    diagonal = np.einsum("pii->pi", hessian)
    floor = 1e-14 * diagonal.max(1, keepdims=True) + 1e-300
    scale = np.sqrt(diagonal + floor)
    hessian = hessian / scale[:, :, None] / scale[:, None, :]
    hessian *= ~held[:, :, None] & ~held[:, None, :]
    np.einsum("pii->pi", hessian)[:] = 1 + damping[:, None]
    right = np.where(held, 0.0, gradient / scale)
    step = np.linalg.solve(hessian, right[:, :, None])[:, :, 0]
    return np.clip(theta - step / scale, low, high), 0.5 * (step * right).sum(1)
