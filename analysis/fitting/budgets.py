"""What a table with compute budgets adds to its fit: minima, their noise, the laws through them."""

from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.engine.status import Status
from analysis.fitting import entry, prediction
from analysis.fitting.entry import Criterion, Entry
from analysis.fitting.result import FlopsRatio, ForecastLaw, Minimum, OfBudgets
from analysis.fitting.rows import Rows
from analysis.frontier import best_size, flags, forecast, isoflop, minima
from analysis.frontier.drawn import IsoflopCurve, LossCurve, SizeCurve
from analysis.frontier.flags import Flag
from analysis.frontier.forecast import Outlook
from analysis.frontier.laws import NAMES, fit_law, fit_size
from analysis.frontier.runs import flops_ratio
from analysis.laws import forms
from analysis.table import columns, hygiene, runs

DRAWS_KEPT = 400
OWN = {role: role for role in ("params", "tokens", "flops", "loss")}
REACH = 8.0  # the drawn curve goes on to this many times the largest budget
TIMES = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0)  # the largest budget: where a forecast is made
SQUARES = Criterion("generalised least squares", None)


def measure(
    rows: Rows, options: entry.Options
) -> tuple[OfBudgets, dict[str, Entry], tuple[Flag, ...]]:
    """(the budgets' part of a fit, {law: entry} through the minima, warnings on the minima).

    Nothing without budgets. Checkpoints before the end of their schedule say nothing of the best
    loss a budget buys: they are left to the laws of runs.
    """
    table = swept(rows.fitted)
    if table is None:
        return OfBudgets(), {}, ()
    budgets, found = minima.measure(table, "loss", "params")
    shown = found if options.bootstrap else replace(found, noise=None)  # without intervals
    rng, held = options.rng(), swept(rows.held)
    fitted = {name: fit_law(name, shown, rng) for name in NAMES}
    largest = float(table["flops"].max())
    laws = {
        name: _law(law, name, shown, options, largest, _held_out(law, rows, held, shown))
        for name, law in fitted.items()
    }
    doubts = minima.doubts(budgets, found)
    return _part(table, budgets, found, shown, options), laws, tuple(doubts)


@np.errstate(over="ignore")  # of few runs: an interval may reach beyond all numbers
def _part(table, budgets, found, shown, options):
    whole = forecast.outlook(found, table, OWN)
    ahead = [whole.at(times * budgets[-1].flops) for times in TIMES if whole.stack.laws]
    told = best_size.voices(found, whole.surface)
    return OfBudgets(
        bootstrap=options.bootstrap,
        noise=found.noise,
        estimator=found.estimator,
        budgets=tuple(minimum_of(budget, shown) for budget in budgets),
        isoflop=fit_size(shown),
        size_law=_size(told, found, options),
        tokens=FlopsRatio(*(values.tolist() for values in flops_ratio(table, OWN))),
        rollout=whole.trials,
        curve=_forecast_curve(whole, found),
        loss_law=forecast_law(whole, found, options.rng()),
        forecasts=tuple(ahead),
        gain=whole.gain(),
    )


def _forecast_curve(whole, found):
    """The mixture of laws along compute, to REACH times the largest budget."""
    if not whole.stack.laws:
        return None
    flops = _grid(found)
    if found.noise is None:
        return LossCurve(flops.tolist(), [whole.loss(c) for c in flops])
    said = [whole.stack.at(log_c) for log_c in np.log(flops)]
    loss, low, high = np.array([[one.quantile(0.5), *one.interval()] for one in said]).T
    ends = [] if (high - low > forecast.WIDEST).any() else np.exp([low, high]).tolist()
    return LossCurve(flops.tolist(), np.exp(loss).tolist(), *ends)


def forecast_law(
    whole: Outlook, found: minima.Minima, rng: np.random.Generator
) -> ForecastLaw | None:
    """Laws of compute in one form: one fit for the point, and draws of all by weight.

    Of the likeliest law the window that is nearest to the forecast at REACH times the largest
    budget: windows weigh alike, and no one of them is the mixture.
    """
    if not whole.stack.laws:
        return None
    at, ahead = float(np.mean(found.log_c)), whole.stack.weights(float(found.log_c[-1]))
    fits = {name: whole.stack.laws[name].parts for name in ("frontier", "curved")}
    laws = [part for parts in fits.values() for part in parts]
    shares = np.array([(ahead[n] + 1e-12) / len(p) for n, p in fits.items() for _ in p])
    far = float(found.log_c[-1] + np.log(REACH))
    said = float(np.log(whole.loss(float(np.exp(far)))))
    windows = fits[max(fits, key=ahead.get)]
    best = min(windows, key=lambda law: abs(law.value(far).item() - said))
    reference, parameters = float(np.exp(at)), {"k": 0.0} | best.parameters(at)
    if found.noise is None:
        return ForecastLaw(reference, parameters, None)
    counts = rng.multinomial(DRAWS_KEPT, shares / shares.sum())
    drawn = [law.draws(count, at, rng) for law, count in zip(laws, counts, strict=True)]
    known = [{"k": np.zeros(count)} | d for d, count in zip(drawn, counts, strict=True)]
    draws = {name: np.concatenate([d[name] for d in known]).tolist() for name in "EAgk"}
    return ForecastLaw(reference, parameters, draws)


def swept(table: pd.DataFrame) -> pd.DataFrame | None:
    """Finished rows with a compute budget, in the results table's own names; None without any."""
    if not {"budget", *columns.DERIVED} <= set(table.columns):
        return None
    table = table[columns.numbers(table, "budget") > 0]
    table = table[~hygiene.unfinished(table)]
    if table.empty:
        return None
    numbers = {role: columns.numbers(table, role) for role in ("loss", *columns.DERIVED)}
    return table.assign(
        **numbers, flops_budget=columns.numbers(table, "budget"), run_id=runs.labels(table)
    )


def _law(law, name, found, options, largest, held):
    """A law through the minima as an entry, with its curve and some of its draws."""
    if not law.parameters:
        return Entry(law=name, objective=None, n=law.n, reference=law.reference, status=law.status)
    flops, draws = _grid(found), law.draws
    between, reach = law.between(np.log(flops)), prediction.AHEAD * largest
    ends = law.between(np.log([reach]))
    posterior = law.posterior
    return Entry(
        law=name,
        objective=SQUARES,
        n=law.n,
        objective_value=posterior.chi2,
        parameters=law.parameters,
        intervals=law.intervals,
        status=law.status,
        held_out=held,
        bootstrap=options.bootstrap if draws else 0,
        reference=law.reference,
        chi2=posterior.chi2,
        spare=posterior.spare,
        chance=posterior.chance,
        fitted_to=f"fitted to the best loss of {len(found.log_c)} budgets",
        draws=draws and {name: v[:DRAWS_KEPT].tolist() for name, v in draws.items()},
        curve=LossCurve(
            flops.tolist(),
            _loss(flops, law).tolist(),
            *([] if between is None else between.tolist()),
        ),
        ahead=prediction.Ahead(
            reach,
            float(_loss(np.array([reach]), law)[0]),
            None if ends is None else ends[:, 0].tolist(),
        ),
    )


def _held_out(law, rows, held, found):
    """The best run of each budget held out: of others a law of the best loss says nothing."""
    if held is None or not law.parameters:
        return None
    best = held.loc[held.groupby("flops_budget")["loss"].idxmin()]
    flops = best["flops"].to_numpy()
    # A budget to come has a design like the largest one's, so the same noise of its minimum.
    interval = law.between(np.log(flops), found.loss_covariance[-1, -1])
    return prediction.table(rows, best, best["loss"].to_numpy(), _loss(flops, law), interval)


def _loss(flops, law):
    return forms.of_compute(flops, law.reference, **law.parameters)


def _grid(found):
    return np.exp(np.linspace(found.log_c[0], found.log_c[-1] + np.log(REACH), 60))


def _size(told, found, options):
    """The size law of all ways that tell it, with its curve and draws from their mixture."""
    law = best_size.headline(told, found)
    if not told:
        return law
    whole, flops = best_size.together(told), _grid(found)
    said = [whole.at(log_c) for log_c in np.log(flops)]
    ends = np.exp([[one.quantile(0.5), *one.interval()] for one in said]).T
    draws = _drawn(whole, law.reference, options.rng())
    return replace(law, curve=SizeCurve(flops.tolist(), *ends.tolist()), draws=draws)


def _drawn(whole, reference, rng):
    """Draws {N, a}, apart: at the reference, amid the budgets, they hardly hang together."""
    at = whole.at(np.log(reference))
    N = np.exp(at.draws(DRAWS_KEPT, np.random.default_rng(rng.integers(2**32))))
    return {"N": N.tolist(), "a": whole.exponent.draws(DRAWS_KEPT, rng).tolist()}


def minimum_of(budget: isoflop.Budget, found: minima.Minima) -> Minimum:
    """A budget's minimum with its curve and intervals."""
    size, loss, estimator = minima.estimate(budget, found.estimator)
    known = {}
    if budget.fitted:
        sizes, losses = budget.curve()
        known["curve"] = IsoflopCurve(sizes.tolist(), losses.tolist())
    used = [other.flops for other in found.budgets]
    if budget.flops in used and found.noise is not None:
        at = used.index(budget.flops)
        known["loss_sd"] = float(found.loss_sd[at])
        known["loss_interval"] = (loss * np.exp(minima.interval(found, at))).tolist()
        if estimator == "parabola":
            known["size_interval"] = (size * np.exp(minima.interval(found, at, 1))).tolist()
    return Minimum(
        flops=budget.flops,
        sizes=budget.sizes.tolist(),
        losses=budget.losses.tolist(),
        seeds=budget.counts.tolist(),
        best_run=budget.best_run,
        status=Status.of("fitted" if budget.fitted else f"not fitted: {budget.reason}"),
        estimator=estimator,
        off_centre=bool(budget.fitted and flags.off_centre(budget)),
        size=size,
        loss=loss,
        **known,
    )
