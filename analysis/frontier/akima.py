"""The best size of one compute budget by interpolation: no shape is assumed between the sizes.

A parabola is a model of the whole budget, so sizes far from the best pull on it (more so where
they lie off centre). Modified Akima interpolation (scipy's "makima") of log loss in log size goes
through every size and is moved only by its neighbours; it follows their noise, too, so its lowest
point lies a little low. Optima are never extrapolated: one at the end of the sizes is refused.
"""

import numpy as np

MIN_SIZES = 3


def minimum(budget):
    """(size, loss) at the interpolant's minimum, or of the best size where `reason` is not ''.

    `budget` is an `isoflop.Budget`: sizes (K,) ascending, losses (K,) averaged over seeds.
    """
    if reason(budget):
        best = int(np.argmin(budget.losses))
        return float(budget.sizes[best]), float(budget.losses[best])
    x, y = lowest(np.log(budget.sizes), np.log(budget.losses)[:, None])
    return float(np.exp(x[0])), float(np.exp(y[0]))


def reason(budget):
    """Why the budget has no minimum between its sizes; '' where it has one."""
    if len(budget.sizes) < MIN_SIZES:
        return f"{len(budget.sizes)} sizes, interpolation needs {MIN_SIZES}"
    best = int(np.argmin(budget.losses))
    if best == 0:
        return "best at the smallest size: the minimum may lie below"
    if best == len(budget.sizes) - 1:
        return "best at the largest size: the minimum may lie above"
    return ""


def lowest(x, y):
    """Lowest points of interpolants through y (K, R) at x (K,): their x (R,) and y (R,)."""
    curve = _interpolant(x, y)
    steps = np.concatenate([np.zeros((1, *curve.c.shape[1:])), _stationary(curve.c)])
    widths = np.diff(x)[:, None]
    steps = np.where((steps >= 0) & (steps <= widths), steps, 0.0)  # elsewhere: the size itself
    cubic, square, slope, constant = curve.c
    values = ((cubic * steps + square) * steps + slope) * steps + constant
    last = np.broadcast_to(x[-1], y.shape[1:])[None]
    places = np.concatenate([(x[:-1, None] + steps).reshape(-1, y.shape[1]), last])
    values = np.concatenate([values.reshape(-1, y.shape[1]), y[-1:]])
    best = values.argmin(0)[None]
    return tuple(np.take_along_axis(found, best, 0)[0] for found in (places, values))


def curve(budget, points=60):
    """(sizes, losses) along the interpolant."""
    x = np.linspace(*np.log(budget.sizes[[0, -1]]), points)
    y = _interpolant(np.log(budget.sizes), np.log(budget.losses)[:, None])(x)[:, 0]
    return np.exp(x), np.exp(y)


def _interpolant(x, y):
    from scipy.interpolate import Akima1DInterpolator

    return Akima1DInterpolator(x, y, method="makima")


def _stationary(c):
    """Where cubics c (4, K - 1, R) are flat: (2, K - 1, R) steps from each size, -1 for none."""
    a, b, slope = 3 * c[0], 2 * c[1], c[2]
    inside = b**2 - 4 * a * slope
    q = -0.5 * (b + np.copysign(np.sqrt(np.maximum(inside, 0)), b))
    with np.errstate(divide="ignore", invalid="ignore"):
        roots = np.stack([q / a, slope / q])  # the second holds where the cubic is a parabola
    return np.where((inside >= 0) & np.isfinite(roots), roots, -1.0)
