"""What the verdict reads of a fit, and no more: for tests that judge hundreds of sweeps."""

from analysis.frontier import minima

COLUMNS = {"loss": "loss_ema", "params": "params"}


def light_fit(table):
    """The budgets of `table`, their noise and the laws through them, without resamples."""
    budgets, found = minima.measure(table, "loss_ema", "params", 2)
    return {
        "columns": COLUMNS,
        "noise": found.noise and vars(found.noise),
        "estimator": found.estimator,
        "budgets": [_budget(budget, found) for budget in budgets],
        "size_law": minima.fit_size(found),
        "laws": {name: minima.fit_law(name, found) for name in ("power", "frontier")},
    }


def _budget(budget, found):
    size, loss, estimator = minima.estimate(budget, found.estimator)
    return {
        "flops": budget.flops,
        "sizes": budget.sizes.tolist(),
        "losses": budget.losses.tolist(),
        "seeds": budget.counts.tolist(),
        "best_run": budget.best_run,
        "status": {"word": "fitted" if budget.fitted else "not fitted"},
        "estimator": estimator,
        "size": size,
        "loss": loss,
    }
