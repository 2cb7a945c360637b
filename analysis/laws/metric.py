"""A law from loss to a quality metric (FVD, PSNR, any column), monotone by construction.

M(L) = m + k ((L / L_0)^p - 1) / p, L_0 the losses' geometric mean; p -> 0 is m + k log(L / L_0)

M is m at L_0, k is its slope there in log L, and p bends it: PSNR is the case p = 0 exactly (k =
-10 / log 10 where the loss is the squared error), a line p = 1, FVD with a floor p > 0 (the floor,
m - k / p, is M at zero loss). M rises or falls throughout, by the sign of k.

    fit(loss, metric, group=None, direction=None, name="fvd")     a dict for JSON
    predict(result, loss)        {"value", "interval"} of a new measurement
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.laws import monotone
from analysis.laws.method import Method
from analysis.table import columns
from vdit.errors import InputError

if TYPE_CHECKING:
    from analysis.fitting.entry import Options
    from analysis.fitting.rows import Rows

NAMES = ("m", "k", "p")
STRAIGHT = 1e-4  # |p| below this: the Taylor series, where the form is 0 / 0
CURVED = 20.0  # |p| up to this is sought
MINIMUM = 5  # runs


def fit(loss, metric, group=None, direction=None, name="metric"):
    """Fit M(L) to loss (R,) and metric (R,) by least squares; a dict for JSON.

    group: (R,) labels of runs; the rows of one run count as one. direction: "up" where the metric
    rises with the loss (FVD, FID), "down" where it falls (PSNR), None to find it. Returns law, n,
    metric, parameters {m, k, p, L_0}, intervals, derived {direction, spearman, ...}, status.
    InputError on numbers that are not finite, losses not positive, or an unknown direction.
    """
    loss, metric = _checked(loss, metric, direction, name)
    runs = len(loss) if group is None else len(set(np.asarray(group).tolist()))
    rank, between = monotone.spearman(loss, metric, runs)
    result = {"law": "metric", "n": len(loss), "runs": runs, "metric": name}
    result |= {"parameters": {}, "intervals": {}}
    result["derived"] = {"spearman": rank, "spearman_interval": between}
    said = _too_little(loss, metric, runs)
    if said:
        return {**result, "status": _status("not identified", said)}
    centre = float(np.exp(np.log(loss).mean()))
    x = np.log(loss / centre)
    theta = _solve(x, metric)
    rest = float(((metric - _value(theta, x)) ** 2).sum())
    turn = monotone.turn(x, metric, runs, rest)
    said = _contradiction(turn and centre * np.exp(turn), theta, between, direction)
    if said:
        return {**result, "status": _status("not identified", said)}
    result["derived"]["direction"] = "up" if rank > 0 else "down"
    result |= _measured(theta, x, rest, runs)
    result["parameters"]["L_0"] = centre
    if abs(theta[2]) > 0.999 * CURVED:
        return {**result, "status": _status("bound hit", f"p is {theta[2]:g}")}
    return {**result, "status": _status("converged")}


def _measured(theta, x, rest, runs):
    """Parameters, intervals and what `predict` needs. Rows of one run count as one measurement."""
    jacobian = _jacobian(theta, x)
    covariance = rest / (runs - 3) * np.linalg.pinv(jacobian.T @ jacobian)
    spread = _quantile(runs - 3) * np.sqrt(np.diag(covariance))
    ends = np.stack([theta - spread, theta + spread], axis=1).tolist()
    return {
        "parameters": dict(zip(NAMES, theta.tolist(), strict=True)),
        "intervals": dict(zip(NAMES, ends, strict=True)),
        "covariance": covariance.tolist(),
        "variance": rest / len(x) * runs / (runs - 3),
        "df": runs - 3,
    }


def predict(result, loss):
    """{"value", "interval"} (95 %) of a new run's metric at `loss`, a number or an array."""
    if not result["parameters"]:
        raise InputError(f"no law of {result['metric']}: {result['status']['words']}")
    theta = np.array([result["parameters"][name] for name in NAMES])
    x = np.log(np.asarray(loss, float) / result["parameters"]["L_0"])
    value, jacobian = _value(theta, x), _jacobian(theta, x)
    variance = np.einsum("...i,ij,...j", jacobian, np.array(result["covariance"]), jacobian)
    spread = _quantile(result["df"]) * np.sqrt(variance + result["variance"])
    ends = [(value - spread).tolist(), (value + spread).tolist()]
    return {"value": value.tolist(), "interval": ends}


def _checked(loss, metric, direction, name):
    loss, metric = np.asarray(loss, float), np.asarray(metric, float)
    if not (np.isfinite(loss) & (loss > 0)).all():
        raise InputError("loss holds numbers that are not finite and above zero")
    if not np.isfinite(metric).all():
        raise InputError(f"{name} holds numbers that are not finite")
    if direction not in (None, "up", "down"):
        raise InputError(f"direction is {direction!r}, expected up or down")
    return loss, metric


def _too_little(loss, metric, runs):
    if runs < MINIMUM:
        return f"{runs} runs, the law needs {MINIMUM}"
    if monotone.still(loss):
        return "the loss does not move"
    return "the metric does not move" if monotone.still(metric) else ""


def _contradiction(turn, theta, between, direction):
    """What speaks against a monotone law in the direction asked for, or ""."""
    known = f"Spearman {between[0]:.2f} to {between[1]:.2f}"
    if turn:
        return f"not monotone: the metric turns at a loss of {turn:.4g} ({known})"
    if between[0] <= 0 <= between[1] or (theta[1] > 0) != (between[0] > 0):
        return f"the metric does not follow the loss ({known})"
    if direction and (direction == "up") != (between[0] > 0):
        return f"the metric goes {'down' if direction == 'up' else 'up'} with the loss ({known})"
    return ""


def _bend(p, x):
    """((e^x)^p - 1) / p and its slope in p."""
    if abs(p) < STRAIGHT:
        return x + p * x**2 / 2 + p**2 * x**3 / 6, x**2 / 2 + p * x**3 / 3
    bent = np.expm1(p * x) / p
    return bent, (x * np.exp(p * x) - bent) / p


def _value(theta, x):
    return theta[0] + theta[1] * _bend(theta[2], x)[0]


def _jacobian(theta, x):
    bent, slope = _bend(theta[2], x)
    return np.stack([np.ones_like(x), bent, theta[1] * slope], axis=-1)


def _solve(x, metric):
    """(m, k, p) of least squares: given p the law is linear in m and k."""
    from scipy import optimize

    def residual(theta):
        return _value(theta, x) - metric

    grid = np.linspace(-CURVED, CURVED, 402)[1:-1]  # none of them zero
    bent = np.expm1(grid[:, None] * x) / grid[:, None]
    about = bent - bent.mean(1, keepdims=True)
    slope = about @ metric / (about**2).sum(1)
    best = np.argmax(slope * (about @ metric))  # the squares that the line explains
    start = [metric.mean() - slope[best] * bent[best].mean(), slope[best], grid[best]]
    low, high = np.array([-np.inf, -np.inf, -CURVED]), np.array([np.inf, np.inf, CURVED])
    found = optimize.least_squares(
        residual,
        start,
        lambda theta: _jacobian(theta, x),
        bounds=(low, high),
        x_scale="jac",
        xtol=1e-15,
        ftol=1e-15,
        gtol=1e-15,
    )
    return found.x


def _status(word, words=""):
    return {"word": word, "words": f"{word}: {words}" if words else word}


def _quantile(df):
    from scipy import stats

    return float(stats.t.ppf(0.975, df))


def of_rows(rows: "Rows", part: dict[str, Any], options: "Options") -> dict[str, Any]:
    """The law of the rows of `analysis.fit` where the metric was measured."""
    values = columns.numbers(rows.fitted, "metric")
    known = ~np.isnan(values)
    group = rows.fitted["group"].astype(str)[known] if "group" in rows.fitted else None
    name = rows.columns["metric"]
    return fit(rows.loss()[known], values[known], group, rows.direction, name)


LAW = Method("metric", ("metric",), of_rows)
