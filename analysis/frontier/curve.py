"""Fits of loss against compute: with a floor E, without, and from the last budgets only.

All three share one form, L(C) = E + A (C / reference)^-g, and fit R resamples at once. Residuals
are relative to the observed loss and weighted by its error, which for residuals of a few percent
is least squares on log loss.
"""

import numpy as np

EXPONENTS = np.geomspace(0.004, 4.0, 240)  # every start of the search for g; its ends are bounds
ZOOMS, ZOOM_POINTS = 9, 17
LOCAL_POINTS = 3
MIN_POINTS = {"power": 2, "local": LOCAL_POINTS, "frontier": 3}
PARAMETERS = {"power": 2, "local": 2, "frontier": 3}


def fit(law, log_c, loss, sd):
    """Fit `law` to loss (R, B) at log compute (B,) with relative errors sd (B,).

    Returns E, A, g, each (R,), with A at the geometric mean of the compute (see `reference`).
    """
    if law == "frontier":
        return _fit_floor(log_c, loss, sd)
    last = LOCAL_POINTS if law == "local" else len(log_c)
    return _fit_power(log_c, loss, sd, last)


def reference(log_c):
    """The compute at which A is counted."""
    return float(np.exp(np.mean(log_c)))


def _fit_power(log_c, loss, sd, last):
    """Weighted least squares of log loss on log compute over the `last` budgets."""
    x = (log_c - log_c.mean())[-last:]
    w = (1 / sd[-last:]) ** 2
    y = np.log(loss[:, -last:])
    x_mean = (w * x).sum() / w.sum()
    y_mean = (y * w).sum(1) / w.sum()
    slope = (y * w) @ (x - x_mean) / (w * (x - x_mean) ** 2).sum()
    return np.zeros(len(y)), np.exp(y_mean - slope * x_mean), -slope


def _fit_floor(log_c, loss, sd):
    """For a given g the law is linear in (E, A): solve that, and search g (variable projection)."""
    x = log_c - log_c.mean()
    w = 1 / (sd * loss) ** 2
    rows = np.arange(len(loss))
    g = np.broadcast_to(EXPONENTS, (len(loss), len(EXPONENTS)))
    for _ in range(ZOOMS):
        E, A, cost = _linear(x, loss, w, g)
        best = cost.argmin(1)
        low = g[rows, np.maximum(best - 1, 0)]
        high = g[rows, np.minimum(best + 1, g.shape[1] - 1)]
        found = E[rows, best], A[rows, best], g[rows, best]
        g = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, ZOOM_POINTS)
    return found


def _linear(x, loss, w, g):
    """Best E, A >= 0 for each g (R, G): E, A, cost, each (R, G)."""
    u = np.exp(-g[:, :, None] * x)
    w, y = w[:, None, :], loss[:, None, :]
    u_mean = (w * u).sum(2) / w.sum(2)
    y_mean = (w * y).sum(2) / w.sum(2)
    centred = u - u_mean[:, :, None]
    A = (w * centred * y).sum(2) / (w * centred**2).sum(2)
    E = y_mean - A * u_mean
    A_alone = (w * u * y).sum(2) / (w * u**2).sum(2)
    A, E = np.where(E < 0, A_alone, A), np.where(E < 0, 0.0, E)
    E, A = np.where(A < 0, y_mean, E), np.where(A < 0, 0.0, A)
    residual = E[:, :, None] + A[:, :, None] * u - y
    return E, A, (w * residual**2).sum(2)


def status(law, points, E, g, told_from_zero=True):
    """Say what a fit is worth: converged, or which parameter the data do not identify."""
    if points <= PARAMETERS[law]:
        return f"not identified: {points} budgets for {PARAMETERS[law]} parameters"
    if law != "frontier":
        return "converged"
    if E == 0:
        return "bound hit: E is zero, the pure power law fits as well"
    if not EXPONENTS[0] * 1.001 < g < EXPONENTS[-1] * 0.999:
        return "bound hit: g is at the end of its range, E and g are not identified"
    return "converged" if told_from_zero else "converged, but E is not told from zero"
