"""Resamples of a fit: rows drawn again by cluster, or losses drawn again about the fit."""

import numpy as np

from analysis.engine import fit as engine


def pairs(fit, count, rng):
    """Refit `count` resamples of whole clusters, drawn with replacement: theta (count, K)."""
    clusters = fit.problem.cluster.max() + 1
    draws = rng.multinomial(clusters, np.full(clusters, 1 / clusters), count)
    return engine.refit(fit, weights=draws[:, fit.problem.cluster].astype(float))[0]


def parametric(fit, sd, count, rng):
    """Refit the fitted losses times exp(sd x normal), sd (R,) or one: theta (count, K)."""
    problem = fit.problem
    log_loss = problem.law.log_loss(fit.theta[None], problem.x)[0]
    noise = rng.standard_normal((count, len(problem.loss))) * sd
    return engine.refit(fit, log_loss=log_loss + noise)[0]


def named(fit, thetas):
    """Parameters and derived of each theta (count, K): {name: (count,)}."""
    law, centre = fit.problem.law, fit.problem.centre
    draws = [{**law.named(theta, centre), **law.derived(theta, centre)} for theta in thetas]
    return {name: np.array([draw[name] for draw in draws]) for name in draws[0]}


def percentiles(fit, thetas, level=0.95):
    """Percentile intervals [low, high] of parameters and derived from thetas (count, K)."""
    ends = 50 * (1 - level), 50 * (1 + level)
    draws = named(fit, thetas).items()
    return {name: np.percentile(values, ends).tolist() for name, values in draws}
