"""Intervals that cover as often as they say: the studentised bootstrap of whole runs.

Runs are drawn with replacement, each with all its checkpoints, and runs of the same inputs together
(`misfit.groups`), so that neither the noise need be alike nor the law be true. Each resample is
refitted and asked how far a quantity lies from the fit's, in units of its own standard error, t* =
(q* - q) / se*, by the sandwich; the interval is q +- se times the 95 % quantile of |t*| (symmetric
bootstrap-t: Hall, JRSS B 50, 1988, nearer to the nominal than a quantile for each side).
What else was tried, with its coverage: analysis/results/calibration.
"""

from collections.abc import Mapping

import numpy as np

from analysis.engine import RESAMPLES, misfit, regression, sandwich, solve
from analysis.engine import fit as engine

LEVEL = 0.95
STEP = 1e-5  # of theta, for the slopes of quantities
AT_BOUND = 0.025  # share of resamples at a bound from which a parameter has one end at most
ENOUGH = 3  # groups for each parameter: of fewer a resample hardly holds what a fit needs
SETTLED = 1e-8  # a resample's descent ends at this promise: a hundredth of a standard error or less


class Intervals:
    """Resamples of a Fit, and the intervals that follow from them."""

    def __init__(
        self, fit: engine.Fit, count: int = RESAMPLES, rng: np.random.Generator | None = None
    ) -> None:
        self.fit, self.rng = fit, rng or np.random.default_rng(0)
        group = misfit.groups(fit.problem)
        groups = group.max() + 1
        draws = self.rng.multinomial(groups, np.full(groups, 1 / groups), count)
        self.covariance = sandwich.covariance(
            fit.problem, fit.theta[None], np.ones((1, groups)), group
        )
        parts = [self._refit(draws[part], group) for part in solve.blocks(fit.problem, count)]
        self.thetas, self.covariances = map(np.concatenate, zip(*parts, strict=True))
        self.spare = groups / (groups - len(fit.theta))

    def _refit(self, draws, group):
        theta, _ = engine.refit(self.fit, weights=draws[:, group].astype(float), settled=SETTLED)
        return theta, sandwich.covariance(self.fit.problem, theta, draws, group)

    def parameters(self) -> dict[str, list[float]]:
        """{name: [low, high], or None where not identified} of parameters and derived."""
        names = list(named(self.fit, self.fit.theta[None]))
        scales = getattr(self.fit.problem.law, "scales", ())
        logged = np.array([name in scales for name in names])

        def measured(theta):
            values = np.stack(list(named(self.fit, theta).values()), axis=1)
            return np.where(logged, np.log(np.maximum(values, 1e-300)), values)

        value, moved = self._moved(measured)
        ends = _about(value, moved)
        with np.errstate(over="ignore"):  # a coefficient that the data do not tell has no end
            ends[logged] = np.exp(ends[logged])
        lost = self._lost()
        return {
            name: None if name in lost or not np.isfinite(pair).all() else pair.tolist()
            for name, pair in zip(names, ends, strict=True)
        }

    def losses(self, at: Mapping[str, np.ndarray], new: bool = False) -> np.ndarray:
        """Intervals (M, 2) of the law's loss at inputs by role, or of a `new` run's there."""
        problem = self.fit.problem
        value, moved = self._moved(lambda theta: np.log(engine.predict(problem, theta, at)))
        if new:
            moved = moved + self._scatter(value, len(moved))
        return np.exp(_about(value, moved))

    def _moved(self, measured):
        """Quantities (Q,) and how far resamples say they may be off (P, Q): t* times se."""
        value, error = _measure(self.fit.theta[None], self.covariance, measured)
        again, errors = _measure(self.thetas, self.covariances, measured)
        return value[0], (again - value) / errors * error

    def _scatter(self, value, count):
        """Residuals (count, M) of any run, as far as noise goes at log loss (M,): a new run's.

        Log variance is linear in log loss among the runs, and beyond them as at their end.
        """
        problem = self.fit.problem
        log_loss = problem.law.log_loss(self.fit.theta[None], problem.x)[0][0]
        residual = (problem.log_loss - log_loss) * np.sqrt(problem.weight * self.spare)
        low, span = log_loss.min(), np.ptp(log_loss) or 1.0
        here, there = (np.clip((at - low) / span, 0, 1) - 0.5 for at in (log_loss, value))
        trend = regression.variance_trend(residual**2, here)
        alike = residual * np.exp(-trend * here / 2)
        drawn = alike[self.rng.integers(len(alike), size=(count, 1))]
        return drawn * np.exp(trend * there / 2) * self.rng.choice([-1, 1], (count, 1))

    def _lost(self):
        """Parameters that the fit's status names, or that stick to a bound in resamples."""
        low, high = self.fit.problem.law.bounds
        stuck = ((self.thetas <= low) | (self.thetas >= high)).mean(0) > AT_BOUND
        names = np.array(self.fit.problem.law.parameters)
        return {*names[stuck], *self.fit.status.unidentified}


def of(
    fit: engine.Fit, count: int = RESAMPLES, rng: np.random.Generator | None = None
) -> Intervals | None:
    """The Intervals of a Fit; None where it has too few runs for any."""
    groups = misfit.groups(fit.problem).max() + 1
    return Intervals(fit, count, rng) if groups >= ENOUGH * len(fit.theta) else None


def named(fit: engine.Fit, thetas: np.ndarray) -> dict[str, np.ndarray]:
    """Parameters and derived of each theta (P, K): {name: (P,)}."""
    law, centre = fit.problem.law, fit.problem.centre
    each = [{**law.named(theta, centre), **law.derived(theta, centre)} for theta in thetas]
    return {name: np.array([one[name] for one in each]) for name in each[0]}


def _about(value, moved):
    """[value - half, value + half] (Q, 2), half the 95 % quantile of |moved|.

    Order statistics at level (P + 1): numpy's default is narrow by 1 % at 199 resamples.
    """
    half = np.quantile(np.abs(moved), LEVEL, axis=0, method="weibull")
    return np.stack([value - half, value + half], axis=1)


def _measure(theta, covariance, measured):
    """Quantities (P, Q) and their standard errors (P, Q)."""
    value, steps = measured(theta), STEP * np.eye(theta.shape[1])
    slope = np.stack([(measured(theta + step) - value) / STEP for step in steps], axis=2)
    variance = np.einsum("pqk,pkl,pql->pq", slope, covariance, slope)
    return value, np.sqrt(np.maximum(variance, 1e-300))
