"""What a table with compute budgets adds to its fit: minima, their noise, the laws through them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.fitting import entry, methods, prediction
from analysis.fitting.rows import Rows
from analysis.frontier import flags, isoflop, minima, reach, rollout
from analysis.frontier import methods as compared
from analysis.laws import forms
from analysis.table import columns, hygiene, runs

DRAWS_KEPT = 400
OWN = {role: role for role in ("params", "tokens", "flops", "loss")}
REACH = 8.0  # the drawn curve goes on to this many times the largest budget


def measure(rows: Rows, options: entry.Options) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the budgets' part of a fit, {law: entry} through the minima); nothing without budgets.

    `rows` is `fitting.rows.Rows`. Checkpoints before the end of their schedule say nothing of the
    best loss a budget buys: they are left to the laws of runs.
    """
    table = swept(rows.fitted)
    if table is None:
        return {}, {}
    rng = options.rng()
    budgets, found = minima.measure(table, "loss", "params", options.bootstrap, rng)
    largest = float(table["flops"].max())
    laws = {
        name: _law(name, _plain(minima.fit_law(name, found), options), found, options, largest)
        for name in minima.LAWS
    }
    held = swept(rows.held)
    for law in laws.values():
        between = law.pop("between", None)
        law["held_out"] = None if held is None else _held_out(law, rows, held, found, between)
    return _part(table, budgets, found, options), laws


def _part(table, budgets, found, options):
    size_law = _size(_plain(minima.fit_size(found), options), found)
    tried = rollout.rollout(found, table, OWN)
    shown = found if options.bootstrap else replace(found, noise=None)  # without intervals
    warned = flags.of_budgets(budgets, found.noise.sd if found.noise else None)
    return {
        "bootstrap": options.bootstrap,
        "noise": noise_of(found.noise),
        "estimator": found.estimator,
        "budgets": [entry_of(budget, shown) for budget in budgets],
        "warnings": [flag.as_dict() for flag in warned],
        "size_law": size_law,
        "tokens": _tokens_law(table, "params"),
        "methods": compared.compare(table, OWN, budgets, found.noise.sd if found.noise else None),
        "rollout": tried,
    }


def _plain(result, options):
    """A law through the minima; without its intervals where no resamples were asked for."""
    if options.bootstrap:
        return result
    return {**result, "draws": None, "intervals": {}, "between": None}


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


def _law(name, result, found, options, largest):
    """A law through the minima as an entry, with its curve and some of its draws."""
    draws = result.pop("draws", None)
    result = {"objective": methods.SQUARES, **entry.missing(name, result["n"], ""), **result}
    result["status"] = entry.status(result["status"])
    if isinstance(result["objective"], str):
        result["objective"] = {"name": result["objective"], "delta": None}
    if not result["parameters"]:
        return result
    result["fitted_to"] = f"fitted to the best loss of {len(found.log_c)} budgets"
    result["bootstrap"] = 0 if draws is None else options.bootstrap
    flops, between = _grid(found), result.get("between")
    values = _loss(flops, result["reference"], result["parameters"])
    curve = {"flops": flops.tolist(), "loss": values.tolist()}
    if between is not None:
        curve["low"], curve["high"] = between(np.log(flops)).tolist()
    if draws is not None:
        kept = {name: v[:DRAWS_KEPT].tolist() for name, v in zip("EAg", draws, strict=True)}
        result["draws"] = kept
    return result | {"curve": curve, "ahead": _ahead(result, between, largest)}


def _ahead(law, between, largest):
    flops = prediction.AHEAD * largest
    value = float(_loss(np.array([flops]), law["reference"], law["parameters"])[0])
    interval = None if between is None else between(np.log([flops]))[:, 0].tolist()
    return {"flops": flops, "loss": value, "interval": interval}


def _held_out(law, rows, held, found, between):
    """The best run of each budget held out: of others a law of the best loss says nothing."""
    if not law["parameters"]:
        return None
    best = held.loc[held.groupby("flops_budget")["loss"].idxmin()]
    flops = best["flops"].to_numpy()
    predicted = _loss(flops, law["reference"], law["parameters"])
    # A budget to come has a design like the largest one's, so the same noise of its minimum.
    interval = None if between is None else between(np.log(flops), found.leverage[0, -1])
    return prediction.table(rows, best, best["loss"].to_numpy(), predicted, interval)


def _loss(flops, reference, parameters):
    return forms.frontier_at(flops, reference, parameters["E"], parameters["A"], parameters["g"])


def _grid(found):
    return np.exp(np.linspace(found.log_c[0], found.log_c[-1] + np.log(REACH), 60))


def _size(result, found):
    draws, between = result.pop("draws", None), result.pop("between", None)
    result["status"] = entry.status(result["status"])
    if "parameters" not in result:
        return result
    flops = _grid(found)
    ratio = flops / result["reference"]
    p = result["parameters"]
    curve = {"flops": flops.tolist(), "size": (p["N"] * ratio ** p["a"]).tolist()}
    if between is not None:
        curve["low"], curve["high"] = between(np.log(flops)).tolist()
    if draws is not None:
        result["draws"] = {"N": draws[0][:DRAWS_KEPT].tolist(), "a": draws[1][:DRAWS_KEPT].tolist()}
    return result | {"curve": curve}


def entry_of(budget: isoflop.Budget, found: minima.Minima) -> dict[str, Any]:
    """A budget as it stands in fit.json."""
    size, loss, estimator = minima.estimate(budget, found.estimator)
    result = {
        "flops": budget.flops,
        "sizes": budget.sizes.tolist(),
        "losses": budget.losses.tolist(),
        "seeds": budget.counts.tolist(),
        "best_run": budget.best_run,
        "status": entry.status("fitted" if budget.fitted else f"not fitted: {budget.reason}"),
        "estimator": estimator,
        "off_centre": bool(budget.fitted and flags.off_centre(budget)),
        "size": size,
        "loss": loss,
    }
    if budget.fitted:
        sizes, losses = budget.curve()
        result["curve"] = {"size": sizes.tolist(), "loss": losses.tolist()}
    used = [other.flops for other in found.budgets]
    if budget.flops in used and found.noise is not None:
        error = found.noise.sd * np.sqrt(found.leverage[:, used.index(budget.flops)])
        half = reach.t_quantile(found.noise.df) * error
        result["loss_sd"] = float(error[0])
        result["loss_interval"] = [loss * float(np.exp(end)) for end in (-half[0], half[0])]
        if estimator == "parabola":
            ends = size * np.exp([-half[1], half[1]])
            result["size_interval"] = ends.clip(budget.sizes[0], budget.sizes[-1]).tolist()
    return result


def noise_of(noise: isoflop.Noise | None) -> dict[str, Any] | None:
    """The noise as it stands in fit.json."""
    return None if noise is None else {"relative": True, **vars(noise)}


def _tokens_law(rows, size):
    """FLOPs per parameter and token at each size: what turns compute and N into tokens."""
    ratio = (rows["flops"] / (rows[size] * rows["tokens"])).groupby(rows[size]).median()
    return {"size": ratio.index.astype(float).tolist(), "flops_per_param_token": ratio.tolist()}
