"""The last digits of the winner, by scipy on the free parameters."""

import numpy as np

from analysis.engine import solve

RADII = 10.0 ** -np.arange(2, 10)  # trust regions of the linear programmes, in theta
NEAR = 1e-12


def polish(problem, theta):
    """A point (K,) at least as good as theta (K,)."""
    better = _linear(problem, theta) if problem.objective.name == "lad" else _bfgs(problem, theta)
    return better if value(problem, better) <= value(problem, theta) else theta


def value(problem, theta):
    """The objective at theta (K,)."""
    return float(_expand(problem, theta)[0])


def snap(problem, theta):
    """theta (K,) with what is a rounding away from a bound put on it."""
    low, high = problem.law.bounds
    theta = np.where(theta - low < NEAR, low, theta)
    return np.where(high - theta < NEAR, high, theta)


def _expand(problem, theta):
    """Value, gradient and curvature at theta (K,)."""
    weights, log_loss = solve.batch(problem, 1)
    found = solve.quadratic(problem, problem.objective, theta[None], weights, log_loss)
    return tuple(part[0] for part in found)


def free(problem, theta, gradient):
    """Which parameters no bound holds."""
    low, high = problem.law.bounds
    return ~(((theta <= low) & (gradient >= 0)) | ((theta >= high) & (gradient <= 0)))


def _bfgs(problem, theta):
    """BFGS in coordinates of about unit curvature."""
    from scipy import optimize

    first, gradient, hessian = _expand(problem, theta)
    moving = free(problem, theta, gradient)
    if first <= 0 or not moving.any():
        return theta
    scale = 1 / np.sqrt(np.diag(hessian)[moving] / first + 1e-12)
    low, high = problem.law.bounds

    def point(step):
        moved = theta.copy()
        moved[moving] += scale * step
        return np.clip(moved, low, high)

    def objective(step):
        now, slope, _ = _expand(problem, point(step))
        return now / first, slope[moving] * scale / first

    found = optimize.minimize(
        objective, np.zeros(moving.sum()), jac=True, method="BFGS", options={"gtol": 1e-10}
    )
    return point(found.x)


def _linear(problem, theta):
    """Least absolute deviation: linear programmes in shrinking trust regions about theta."""
    for radius in RADII:
        for _ in range(30):
            step, _ = programme(problem, theta, radius)
            if value(problem, theta + step) >= value(problem, theta) * (1 - 1e-13):
                break
            theta = theta + step
    return theta


def programme(problem, theta, radius):
    """Minimise sum w |r + J d| over |d| <= radius inside the bounds: d (K,), the sum reached.

    Solved in units of the radius, so that the solver's tolerances are far below it.
    """
    from scipy import optimize

    log_prediction, jacobian = problem.law.log_loss(theta[None], problem.x)
    residual, jacobian = log_prediction[0] - np.log(problem.loss), jacobian[0]
    rows, width = jacobian.shape
    low, high = ((bound - theta) / radius for bound in problem.law.bounds)
    box = [*zip(np.clip(low, -1, 0), np.clip(high, 0, 1), strict=True)]
    found = optimize.linprog(
        np.concatenate([np.zeros(width), problem.weight, problem.weight]),
        A_eq=np.hstack([jacobian, -np.eye(rows), np.eye(rows)]),
        b_eq=-residual / radius,
        bounds=box + [(0, None)] * (2 * rows),
        method="highs",
    )
    if not found.success:
        return np.zeros(width), np.inf
    step = radius * found.x[:width]
    return step, float(problem.weight @ np.abs(residual + jacobian @ step))
