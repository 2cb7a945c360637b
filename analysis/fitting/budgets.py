"""What a table with compute budgets adds to its fit: minima, their noise, the laws through them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.fitting import entry, methods, prediction
from analysis.fitting.result import Minimum
from analysis.fitting.rows import Rows
from analysis.frontier import best_size, flags, forecast, isoflop, minima
from analysis.frontier.laws import NAMES, fit_law, fit_size
from analysis.laws import forms
from analysis.table import columns, hygiene, runs

DRAWS_KEPT = 400
OWN = {role: role for role in ("params", "tokens", "flops", "loss")}
REACH = 8.0  # the drawn curve goes on to this many times the largest budget
TIMES = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0)  # the largest budget: where a forecast is made


def measure(rows: Rows, options: entry.Options) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the budgets' part of a fit, {law: entry} through the minima); nothing without budgets.

    `rows` is `fitting.rows.Rows`. Checkpoints before the end of their schedule say nothing of the
    best loss a budget buys: they are left to the laws of runs.
    """
    table = swept(rows.fitted)
    if table is None:
        return {}, {}
    budgets, found = minima.measure(table, "loss", "params")
    shown = found if options.bootstrap else replace(found, noise=None)  # without intervals
    largest, rng = float(table["flops"].max()), options.rng()
    laws = {name: _law(fit_law(name, shown, rng), name, shown, options, largest) for name in NAMES}
    held = swept(rows.held)
    for law in laws.values():
        between = law.pop("between", None)
        law["held_out"] = None if held is None else _held_out(law, rows, held, shown, between)
    return _part(table, budgets, found, shown, options), laws


def _part(table, budgets, found, shown, options):
    whole = forecast.outlook(found, table, OWN)
    ahead = [whole.at(times * budgets[-1].flops) for times in TIMES if whole.stack.laws]
    told = best_size.voices(found, whole.stack.laws.get("chinchilla"))
    noise = found.noise
    return {
        "bootstrap": options.bootstrap,
        "noise": noise,
        "estimator": found.estimator,
        "budgets": tuple(minimum_of(budget, shown) for budget in budgets),
        "warnings": tuple(flags.of_budgets(budgets, noise.sd if noise else None)),
        "isoflop": {**(size := fit_size(shown)), "status": entry.status(size["status"])},
        "size_law": _size(best_size.headline(told, found), found, options),
        "tokens": _tokens_law(table, "params"),
        "rollout": whole.trials,
        "curve": _forecast_curve(whole, found),
        "loss_law": _loss_law(whole, found, options.rng()),
        "forecasts": tuple(ahead),
        "gain": whole.gain(),
    }


def _forecast_curve(whole, found):
    """The mixture of laws along compute, to REACH times the largest budget."""
    if not whole.stack.laws:
        return None
    flops = _grid(found)
    if found.noise is None:
        return {"flops": flops.tolist(), "loss": [whole.at(c).loss for c in flops]}
    said = [whole.stack.at(log_c) for log_c in np.log(flops)]
    ends = np.exp([[one.quantile(0.5), *one.interval()] for one in said]).T
    loss, low, high = ends.tolist()
    return {"flops": flops.tolist(), "loss": loss, "low": low, "high": high}


def _loss_law(whole, found, rng):
    """Laws of compute in one form (`forms.of_compute`): the likeliest, and draws by weight."""
    if not whole.stack.laws:
        return None
    laws = {name: whole.stack.laws[name] for name in ("frontier", "curved")}
    at, ahead = float(np.mean(found.log_c)), whole.stack.weights(float(found.log_c[-1]))
    shares = np.array([ahead[name] + 1e-12 for name in laws])
    best = list(laws.values())[int(np.argmax(shares))]
    result = {"reference": np.exp(at), "parameters": {"k": 0.0} | best.parameters(at)}
    if found.noise is None:
        return result | {"draws": None}
    counts = rng.multinomial(DRAWS_KEPT, shares / shares.sum())
    drawn = [law.draws(count, at, rng) for law, count in zip(laws.values(), counts, strict=True)]
    known = [{"k": np.zeros(count)} | d for d, count in zip(drawn, counts, strict=True)]
    return result | {"draws": {n: np.concatenate([d[n] for d in known]).tolist() for n in "EAgk"}}


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


def _law(result, name, found, options, largest):
    """A law through the minima as an entry, with its curve and some of its draws."""
    draws = result.pop("draws", None)
    result = {"objective": methods.SQUARES, **entry.missing(name, result["n"], ""), **result}
    result["status"] = entry.status(result["status"])
    if isinstance(result["objective"], str):
        result["objective"] = {"name": result["objective"], "delta": None}
    if not result["parameters"]:
        return result
    result["fitted_to"] = f"fitted to the best loss of {len(found.log_c)} budgets"
    result["bootstrap"] = options.bootstrap if draws else 0
    flops, between = _grid(found), result.get("between")
    curve = {"flops": flops.tolist(), "loss": _loss(flops, result).tolist()}
    if between is not None:
        curve["low"], curve["high"] = between(np.log(flops)).tolist()
    if draws is not None:
        result["draws"] = {name: v[:DRAWS_KEPT].tolist() for name, v in draws.items()}
    return result | {"curve": curve, "ahead": _ahead(result, between, largest)}


def _ahead(law, between, largest):
    flops = prediction.AHEAD * largest
    value = float(_loss(np.array([flops]), law)[0])
    interval = None if between is None else between(np.log([flops]))[:, 0].tolist()
    return {"flops": flops, "loss": value, "interval": interval}


def _held_out(law, rows, held, found, between):
    """The best run of each budget held out: of others a law of the best loss says nothing."""
    if not law["parameters"]:
        return None
    best = held.loc[held.groupby("flops_budget")["loss"].idxmin()]
    flops = best["flops"].to_numpy()
    predicted = _loss(flops, law)
    # A budget to come has a design like the largest one's, so the same noise of its minimum.
    variance = found.loss_covariance[-1, -1]
    interval = None if between is None else between(np.log(flops), variance)
    return prediction.table(rows, best, best["loss"].to_numpy(), predicted, interval)


def _loss(flops, law):
    return forms.of_compute(flops, law["reference"], **law["parameters"])


def _grid(found):
    return np.exp(np.linspace(found.log_c[0], found.log_c[-1] + np.log(REACH), 60))


def _size(result, found, options):
    """The size law with its curve and draws from its mixtures."""
    at, exponent = result.pop("at", None), result.pop("exponent", None)
    result["status"] = entry.status(result["status"])
    if at is None:
        return result
    flops = _grid(found)
    ends = np.exp([[said.quantile(0.5), *said.interval()] for said in map(at, np.log(flops))]).T
    size, low, high = ends.tolist()
    result["curve"] = {"flops": flops.tolist(), "size": size, "low": low, "high": high}
    return result | {"draws": _drawn(at, exponent, result["reference"], options.rng())}


def _drawn(at, exponent, reference, rng):
    """Draws {N, a}, apart: at the reference, amid the budgets, they hardly hang together."""
    N = np.exp(at(np.log(reference)).draws(DRAWS_KEPT, np.random.default_rng(rng.integers(2**32))))
    return {"N": N.tolist(), "a": exponent.draws(DRAWS_KEPT, rng).tolist()}


def minimum_of(budget: isoflop.Budget, found: minima.Minima) -> Minimum:
    """A budget's minimum with its curve and intervals."""
    size, loss, estimator = minima.estimate(budget, found.estimator)
    known = {}
    if budget.fitted:
        sizes, losses = budget.curve()
        known["curve"] = {"size": sizes.tolist(), "loss": losses.tolist()}
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
        status=entry.status("fitted" if budget.fitted else f"not fitted: {budget.reason}"),
        estimator=estimator,
        off_centre=bool(budget.fitted and flags.off_centre(budget)),
        size=size,
        loss=loss,
        **known,
    )


def _tokens_law(rows, size):
    """FLOPs per parameter and token at each size: what turns compute and N into tokens."""
    ratio = (rows["flops"] / (rows[size] * rows["tokens"])).groupby(rows[size]).median()
    return {"size": ratio.index.astype(float).tolist(), "flops_per_param_token": ratio.tolist()}
