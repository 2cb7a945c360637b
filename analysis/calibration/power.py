"""The most that any test could tell of a planted gain: a bound by likelihood.

Who knows the noise of runs and the valley of each budget exactly still has only the runs to judge
by. A law of the best loss that is linear in its numbers then leaves the fall of log loss over SPAN
with the standard error s of least squares, and no unbiased test of 2.5 % finds a fall off by d with
a power of more than Phi(d / s - 1.96): Neyman and Pearson's lemma, the law's other numbers
projected out (Lehmann and Romano, Testing Statistical Hypotheses, chapter 7). How much is assumed
of the law sets the bound: a straight line in logs, one that may bend once, or any curve.
"""

from dataclasses import dataclass

import numpy as np

from analysis.calibration import designs
from analysis.calibration.designs import Design
from analysis.engine.student import quantile
from analysis.verdict.thresholds import SPAN, minimum

KNOWN = 1e9  # degrees of freedom of a noise that is known
LAWS = {"a straight power law": 1, "one that may bend": 2, "any curve": None}


@dataclass(frozen=True)
class Bound:
    """Of one design and what is assumed of its law.

    `error` of the fall of log loss over SPAN; `power` of a test that finds it off the least gain
    that matters; `runs` times as many would raise it to .8. A prediction of the next budget tells
    something if its interval is narrower than `step`; `narrowest` is that of who knows the law.
    """

    design: str
    assumed: str
    fall: float  # planted
    error: float
    power: float
    runs: float
    step: float
    narrowest: float


def bounds(design: Design) -> list[Bound]:
    """The bound under each of `LAWS`."""
    return [_bound(design, assumed, bends) for assumed, bends in LAWS.items()]


def _bound(design, assumed, bends):
    from scipy import special

    flops = designs.budgets(design)[:-1]
    u = np.log(flops / flops[-1])
    planted = np.log(designs.best(design, flops[-1:] * np.array([1 / SPAN, 1.0]))[1])
    fall, error = float(planted[0] - planted[1]), _error(design, u, bends)
    off = abs(fall + np.log1p(-minimum(SPAN)))
    reach = quantile(KNOWN)
    power = special.ndtr(off / error - reach)
    needed = ((reach + special.ndtri(0.8)) * error / off) ** 2
    step, narrowest = fall * np.log(design.factor) / np.log(SPAN), 2 * reach * _noise(design)
    numbers = fall, error, power, needed, step, narrowest
    return Bound(design.name, assumed, *(float(f"{number:.4g}") for number in numbers))


def _noise(design):
    """Of the minimum of one budget whose valley is known, in log loss."""
    return np.sqrt(design.noise**2 / design.sizes + design.errors**2)


def _error(design, u, bends):
    """Of the fall, by least squares of levels that are known as well as their budgets' runs say."""
    powers = np.eye(len(u)) if bends is None else np.vander(u, bends + 1)
    at = np.array([-np.log(SPAN), 0.0])
    if bends is None:
        ends = np.stack([np.isclose(u, end, atol=0.02).astype(float) for end in at])
    else:
        ends = np.vander(at, bends + 1)
    contrast = ends[0] - ends[1]
    return _noise(design) * np.sqrt(contrast @ np.linalg.inv(powers.T @ powers) @ contrast)
