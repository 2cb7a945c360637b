"""What a table with compute budgets adds to its fit: minima, their noise, the laws through them."""

from dataclasses import replace

import numpy as np

from analysis.fitting import entry, methods, prediction
from analysis.frontier import flags, minima, rollout
from analysis.laws import forms
from analysis.table import columns

DRAWS_KEPT = 400
WEIGHING = 4000  # minima weigh by their noise, which is found by resampling, wanted or not
OWN = {role: role for role in ("params", "tokens", "flops", "loss")}
REACH = 8.0  # the drawn curve goes on to this many times the largest budget


def measure(rows, options):
    """(the budgets' part of a fit, {law: entry} through the minima); nothing without budgets.

    `rows` is `fitting.rows.Rows`. Checkpoints before the end of their schedule say nothing of the
    best loss a budget buys: they are left to the laws of runs.
    """
    table = swept(rows.fitted)
    if table is None:
        return {}, {}
    rng = options.rng()
    budgets, found = minima.measure(table, "loss", "params", options.bootstrap or WEIGHING, rng)
    largest = float(table["flops"].max())
    laws = {
        name: _law(name, _plain(minima.fit_law(name, found), options), found, options, largest)
        for name in minima.LAWS
    }
    held = swept(rows.held)
    for law in laws.values():
        law["held_out"] = None if held is None else _held_out(law, rows, held, found, rng)
    return _part(table, budgets, found, options), laws


def _part(table, budgets, found, options):
    size_law = _size(_plain(minima.fit_size(found), options), found)
    tried = rollout.rollout(found, table, OWN)
    if not options.bootstrap:
        found = replace(found, loss_noise=found.loss_noise[:0], size_noise=found.size_noise[:0])
    warned = flags.of_budgets(budgets, found.noise.sd if found.noise else None)
    return {
        "bootstrap": options.bootstrap,
        "noise": _noise(found.noise),
        "estimator": found.estimator,
        "budgets": [_budget(budget, found) for budget in budgets],
        "warnings": [flag.as_dict() for flag in warned],
        "size_law": size_law,
        "tokens": _tokens_law(table, "params"),
        "rollout": tried,
    }


def _plain(result, options):
    """A law through the minima; without its intervals where no resamples were asked for."""
    return result if options.bootstrap else {**result, "draws": None, "intervals": {}}


def swept(table):
    """Finished rows with a compute budget, in the results table's own names; None without any."""
    if not {"budget", *columns.DERIVED} <= set(table.columns):
        return None
    table = table[columns.numbers(table, "budget") > 0]
    if "annealed" in table.columns:
        table = table[~table["annealed"].isin([False, "False"])]
    if table.empty:
        return None
    names = table["run_id"] if "run_id" in table.columns else [f"row {i + 1}" for i in table.index]
    numbers = {role: columns.numbers(table, role) for role in ("loss", *columns.DERIVED)}
    return table.assign(**numbers, flops_budget=columns.numbers(table, "budget"), run_id=names)


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
    flops = _grid(found)
    p = result["parameters"]
    curve = {"flops": flops.tolist(), "loss": _loss(flops, result["reference"], p).tolist()}
    if draws is not None:
        E, A, g = (values[:, None] for values in draws)
        band = _loss(flops, result["reference"], {"E": E, "A": A, "g": g})
        curve["low"], curve["high"] = np.percentile(band, [2.5, 97.5], axis=0).tolist()
        kept = {name: v[:DRAWS_KEPT].tolist() for name, v in zip("EAg", draws, strict=True)}
        result["draws"] = kept
    return result | {"curve": curve, "ahead": _ahead(result, draws, largest)}


def _ahead(law, draws, largest):
    flops = prediction.AHEAD * largest
    at = [np.array([flops]), law["reference"]]
    ahead = {"flops": flops, "loss": float(_loss(*at, law["parameters"])[0]), "interval": None}
    if draws is not None:
        values = _loss(*at, dict(zip("EAg", draws, strict=True)))
        ahead["interval"] = np.percentile(values, [2.5, 97.5]).tolist()
    return ahead


def _held_out(law, rows, held, found, rng):
    """The best run of each budget held out: of others a law of the best loss says nothing."""
    if not law["parameters"]:
        return None
    best = held.loc[held.groupby("flops_budget")["loss"].idxmin()]
    flops = best["flops"].to_numpy()
    predicted, between = _loss(flops, law["reference"], law["parameters"]), None
    if "draws" in law:
        E, A, g = (np.array(law["draws"][name])[:, None] for name in "EAg")
        draws = np.log(_loss(flops, law["reference"], {"E": E, "A": A, "g": g}))
        # A budget to come has a design like the largest one's, so the same noise of its minimum.
        draws = draws + rng.choice(found.loss_noise[:, -1], (len(draws), 1))
        between = np.exp(np.percentile(draws, [2.5, 97.5], axis=0))
    return prediction.table(rows, best, best["loss"].to_numpy(), predicted, between)


def _loss(flops, reference, parameters):
    return forms.frontier_at(flops, reference, parameters["E"], parameters["A"], parameters["g"])


def _grid(found):
    return np.exp(np.linspace(found.log_c[0], found.log_c[-1] + np.log(REACH), 60))


def _size(result, found):
    draws = result.pop("draws", None)
    result["status"] = entry.status(result["status"])
    if "parameters" not in result:
        return result
    flops = _grid(found)
    ratio = flops / result["reference"]
    p = result["parameters"]
    curve = {"flops": flops.tolist(), "size": (p["N"] * ratio ** p["a"]).tolist()}
    if draws is not None:
        N, a = (values[:, None] for values in draws)
        curve["low"], curve["high"] = np.percentile(N * ratio**a, [2.5, 97.5], axis=0).tolist()
        result["draws"] = {"N": draws[0][:DRAWS_KEPT].tolist(), "a": draws[1][:DRAWS_KEPT].tolist()}
    return result | {"curve": curve}


def _budget(budget, found):
    size, loss, estimator = minima.estimate(budget, found.estimator)
    result = {
        "flops": budget.flops,
        "sizes": budget.sizes.tolist(),
        "losses": budget.losses.tolist(),
        "seeds": budget.counts.tolist(),
        "best_run": budget.best_run,
        "status": entry.status("fitted" if budget.fitted else f"not fitted: {budget.reason}"),
        "estimator": estimator,
        "size": size,
        "loss": loss,
    }
    if budget.fitted:
        sizes, losses = budget.curve()
        result["curve"] = {"size": sizes.tolist(), "loss": losses.tolist()}
    used = [other.flops for other in found.budgets]
    if budget.flops in used and len(found.loss_noise):
        at = used.index(budget.flops)
        low, high = np.percentile(found.loss_noise[:, at], [2.5, 97.5])
        result["loss_interval"] = (loss * np.exp([low, high])).tolist()
        result["loss_sd"] = float(found.loss_noise[:, at].std())
        low, high = np.percentile(found.size_noise[:, at], [2.5, 97.5])
        result["size_interval"] = (size * np.exp([low, high])).tolist()
    return result


def _noise(noise):
    return None if noise is None else {"relative": True, **vars(noise)}


def _tokens_law(rows, size):
    """FLOPs per parameter and token at each size: what turns compute and N into tokens."""
    ratio = (rows["flops"] / (rows[size] * rows["tokens"])).groupby(rows[size]).median()
    return {"size": ratio.index.astype(float).tolist(), "flops_per_param_token": ratio.tolist()}
