"""Intervals that cover as often as they say: the studentised bootstrap, for sweeps of few runs.

A sweep is a designed experiment, so its losses, not its rows, are drawn again: the fitted law times
the noise that the residuals show, between runs and, where a run has several checkpoints, within
them. Each resample is refitted and asked how far a quantity lies from what was drawn from, in units
of its own standard error, t* = (q* - q) / se*; the interval is q +- se times the 95 % quantile of
|t*| (symmetric bootstrap-t: Hall, JRSS B 50, 1988, whose coverage is nearer to the nominal than of
one quantile for each side: with 18 runs 93 % instead of 89). Where a law is linear it is Student's.
"""

import numpy as np

from analysis.engine import bootstrap
from analysis.engine import fit as engine
from analysis.engine.spread import covariance, noise, spread

LEVEL = 0.95
STEP = 1e-5  # of theta, for the slopes of quantities
AT_BOUND = 0.025  # share of resamples at a bound from which a parameter has one end at most
MANY = 100  # runs from which resampling them as they are covers as well, whatever their noise


class Studentised:
    """Resamples of a Fit, about the fit, and the intervals that follow from them."""

    def __init__(self, fit, count=4000, rng=None):
        self.fit, self.rng = fit, rng or np.random.default_rng(0)
        problem = fit.problem
        self.observed = np.log(problem.loss)[None]
        drawn = problem.law.log_loss(fit.theta[None], problem.x)[0]
        between, within = spread(problem, self.observed - drawn)
        self.drawn = drawn + noise(problem, between, within, count, self.rng)
        self.thetas, _ = engine.refit(fit, log_loss=self.drawn)

    def parameters(self):
        """{name: [low, high], or None where not identified} of parameters and derived."""
        names = list(bootstrap.named(self.fit, self.fit.theta[None]))
        logged = np.array([_coefficient(name) for name in names])

        def measured(theta):
            values = np.stack(list(bootstrap.named(self.fit, theta).values()), axis=1)
            return np.where(logged, np.log(np.maximum(values, 1e-300)), values)

        ends = self._ends(measured)
        with np.errstate(over="ignore"):  # a coefficient that the data do not tell has no end
            ends[logged] = np.exp(ends[logged])
        lost = self._lost()
        return {
            name: None if name in lost or not np.isfinite(pair).all() else pair.tolist()
            for name, pair in zip(names, ends, strict=True)
        }

    def losses(self, at, new=False):
        """Intervals (M, 2) of the law's loss at inputs by role, or of a `new` run's there."""
        problem = self.fit.problem
        return np.exp(self._ends(lambda theta: np.log(engine.predict(problem, theta, at)), new))

    def _ends(self, measured, new=False):
        problem = self.fit.problem
        value, error, one = _measure(problem, self.fit.theta[None], self.observed, measured)
        again, errors, each = _measure(problem, self.thetas, self.drawn, measured)
        truth = value
        if new:
            truth = value + one * self.rng.standard_normal(again.shape)
            error, errors = np.hypot(error, one), np.hypot(errors, each)
        half = _quantile(np.abs(again - truth) / errors, LEVEL) * error[0]
        return np.stack([value[0] - half, value[0] + half], axis=1)

    def _lost(self):
        """Parameters that the fit's status names, or that stick to a bound in resamples."""
        low, high = self.fit.problem.law.bounds
        stuck = ((self.thetas <= low) | (self.thetas >= high)).mean(0) > AT_BOUND
        names = np.array(self.fit.problem.law.parameters)
        return {*names[stuck], *self.fit.status.unidentified}


class Pairs:
    """Resamples of a Fit's runs as they are, and percentiles of what is fitted to them."""

    def __init__(self, fit, count=4000, rng=None):
        self.fit, self.rng = fit, rng or np.random.default_rng(0)
        self.thetas = bootstrap.pairs(fit, count, self.rng)

    def parameters(self):
        """{name: [low, high]} of parameters and derived."""
        return bootstrap.percentiles(self.fit, self.thetas, LEVEL)

    def losses(self, at, new=False):
        """As `Studentised.losses`; a new run scatters as those fitted."""
        problem = self.fit.problem
        values = np.log(engine.predict(problem, self.thetas, at))
        if new:
            residual = (
                np.log(problem.loss) - problem.law.log_loss(self.fit.theta[None], problem.x)[0][0]
            )
            spare = len(residual) / max(len(residual) - len(self.fit.theta), 1)
            values = values + self.rng.choice(residual * np.sqrt(spare), values.shape)
        return np.exp(_quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])).T


def of(fit, count=4000, rng=None):
    """`Pairs` of a fit to many runs, whatever their noise; `Studentised` of one to few."""
    many = fit.problem.cluster.max() + 1 >= MANY
    return (Pairs if many else Studentised)(fit, count, rng)


def _quantile(resamples, level):
    """Order statistics at level (count + 1): numpy's default is narrow by 1 % at 199 resamples."""
    return np.quantile(resamples, level, axis=0, method="weibull")


def _measure(problem, theta, log_loss, measured):
    """Quantities (P, Q), their standard errors (P, Q), and the spread of one run (P, 1)."""
    log_prediction, jacobian = problem.law.log_loss(theta, problem.x)
    between, within = spread(problem, log_loss - log_prediction)
    shape = covariance(problem, jacobian, between, within)
    value = measured(theta)
    steps = STEP * np.eye(theta.shape[1])
    slope = np.stack([(measured(theta + step) - value) / STEP for step in steps], axis=2)
    variance = np.einsum("pqk,pkl,pql->pq", slope, shape, slope)
    return value, np.sqrt(np.maximum(variance, 1e-300)), np.hypot(between, within)[:, None]


def _coefficient(name):
    """Whether a parameter is a positive scale, whose logarithm is nearer to normal."""
    return name[0] in "ABCDN"
