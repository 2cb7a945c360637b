"""Resamples of a fit as notebooks make them, and percentiles: what published intervals are."""

from dataclasses import replace

import numpy as np

from analysis.engine import solve
from analysis.engine.fit import refit
from analysis.engine.intervals import named


def pairs(fit, count, rng):
    """Refit `count` resamples of rows, drawn with replacement: theta (count, K)."""
    rows = len(fit.problem.loss)
    return refit(fit, rng.multinomial(rows, np.full(rows, 1 / rows), count).astype(float))[0]


def parametric(fit, sd, count, rng):
    """Refit the fitted losses times exp(sd x normal), sd (R,) or one: theta (count, K)."""
    log_loss = fit.problem.law.log_loss(fit.theta[None], fit.problem.x)[0][0]
    noise = rng.standard_normal((count, len(log_loss))) * sd
    drawn = (replace(fit.problem, loss=np.exp(log_loss + one)) for one in noise)
    return np.concatenate([solve.descend(one, fit.theta[None])[0] for one in drawn])


def percentiles(fit, thetas):
    """95 % percentile intervals (low, high) of parameters and derived from thetas (count, K)."""
    draws = named(fit, thetas).items()
    return {name: np.percentile(values, (2.5, 97.5)).tolist() for name, values in draws}
