"""Laws through the minima of budgets: of the lowest loss, and of the best size, against compute."""

from typing import Any

import numpy as np

from analysis.frontier import curve, weigh
from analysis.frontier.minima import Minima, posterior
from analysis.frontier.posterior import Posterior

NAMES = tuple(curve.LAWS)
DRAWS = 4000


def fit_law(law: str, minima: Minima, rng: np.random.Generator | None = None) -> dict[str, Any]:
    """One law of `NAMES` through the minima: parameters, intervals, status, draws, between by name.

    `between(log_c, variance=0)` gives the interval (2, M) of the law's loss, or of the minimum of a
    new budget of which log loss is known to that variance.
    """
    log_c, points = minima.log_c, len(minima.log_c)
    result = {"n": points, "reference": curve.reference(log_c)}
    if points < min(curve.LAWS[law].parameters, curve.LOCAL):
        return result | {"status": f"not identified: {points} budgets"}
    found, at = posterior(law, minima), float(np.mean(log_c))
    p = found.parameters(at)
    result |= {"objective": "generalised least squares", "objective_value": found.chi2}
    result |= {"parameters": p | _c0(p, at), "draws": None}
    result |= {"chi2": found.chi2, "spare": found.spare, "chance": found.chance}
    if minima.noise is not None:
        drawn = found.draws(DRAWS, at, rng or np.random.default_rng(0))
        ends = {name: np.percentile(v, [2.5, 97.5]).tolist() for name, v in drawn.items()}
        if law != "frontier":
            ends.pop("E")
        result |= {"draws": drawn, "intervals": ends, "between": _between(found)}
    result["status"] = _status(found, p, result.get("draws"))
    return result


def _between(found):
    def between(log_c, variance=0.0):
        return np.exp([found.at(c, variance).interval() for c in np.atleast_1d(log_c)]).T

    return between


def _c0(p, at):
    """C0 of (C0 / C)^g = A (C / reference)^-g; with a small exponent it is beyond any number."""
    log_c0 = at + np.log(p["A"]) / p["g"] if p["A"] > 0 and p["g"] > 0 else np.inf
    return {"C0": float(np.exp(log_c0)) if abs(log_c0) < 600 else None}


def _status(found, p, drawn):
    law = found.law
    if found.spare < 1:
        budgets = found.spare + law.parameters
        return f"not identified: {budgets} budgets for {law.parameters} parameters"
    if not found.fits:
        return _misfitting(found)
    if law.name != "frontier":
        return "converged"
    if p["E"] == 0:
        return "bound hit: E is zero, the pure power law fits as well"
    low, high = curve.EXPONENTS
    if not low * 1.001 < p["g"] < high * 0.999:
        return "bound hit: g is at the end of its range, E and g are not identified"
    told = drawn is None or (drawn["E"] <= 0).mean() < 0.025
    return "converged" if told else "converged, but E is not told from zero"


def _misfitting(found):
    ratio = found.chi2 / found.spare
    return f"does not fit: chi2/df is {ratio:.3g}, its interval is widened by that scatter"


def posterior_of_size(minima: Minima) -> Posterior:
    """N*(C) = N (C / reference)^a through the minima: its slope is -a."""
    df = float(np.median(minima.df[1]))
    return weigh.posterior(
        curve.LAWS["power"], minima.log_c, np.log(minima.size), minima.size_covariance, df
    )


def fit_size(minima: Minima) -> dict[str, Any]:
    """The isoFLOP law of the best size: parameters {N, a}, intervals, chi2, status.

    Where a minimum lies at or near an end of its sizes, those that were found inside are a
    selection that bends the law: no interval is given.
    """
    points, reference = len(minima.log_c), curve.reference(minima.log_c)
    result = {"n": points, "reference": reference}
    if points < 2:
        return result | {"status": f"not identified: {points} budgets"}
    found, at = posterior_of_size(minima), np.log(reference)
    p = found.parameters(at)
    result |= {"parameters": {"N": p["A"], "a": -p["g"]}}
    result |= {"chi2": found.chi2, "spare": found.spare, "chance": found.chance}
    if minima.noise is not None and minima.estimator == "parabola" and not minima.off:
        falls = found.fall(at, at + 1).interval()  # of log N over one of log C, downwards
        ends = np.exp(found.at(at).interval()).tolist()
        result["intervals"] = {"N": ends, "a": [-falls[1], -falls[0]]}
    result["status"] = _size_status(points, minima, found)
    return result


def _size_status(points, minima, found):
    if minima.estimator != "parabola":
        return "not identified: too few budgets have a minimum among their sizes"
    if points < 3:
        return "not identified: 2 budgets for 2 parameters"
    if minima.off:
        return f"not identified: {minima.off} minima lie at or near an end of their sizes"
    if not found.fits:
        return _misfitting(found)
    return "converged"
