"""What the verdict reads of a fit, and no more: for tests that judge hundreds of sweeps."""

from analysis.fitting import budgets as entries
from analysis.fitting.result import Fit
from analysis.frontier import forecast, laws, minima

COLUMNS = {"loss": "loss_ema", "params": "params"}


def light_fit(table, ahead=(2.0, 4.0, 8.0)):
    """The budgets of `table`, their noise, gain and forecasts by the laws of compute alone.

    Forecasts are at `ahead` times the largest budget.
    """
    budgets, found = minima.measure(table, "loss_ema", "params")
    whole = forecast.outlook(found)
    forecasts = tuple(whole.at(times * budgets[-1].flops) for times in ahead)
    return Fit(
        law="",
        laws={},
        columns=COLUMNS,
        noise=found.noise,
        estimator=found.estimator,
        budgets=tuple(entries.minimum_of(budget, found) for budget in budgets),
        size_law=laws.fit_size(found),
        gain=whole.gain(),
        forecasts=forecasts,
    )
