"""What the intervals of a sweep's frontier said, and what was planted."""

import numpy as np
import pandas as pd

from analysis import predict
from analysis.calibration import designs
from analysis.fitting import budgets as entries
from analysis.frontier import isoflop, minima
from analysis.verdict import gain


def judge(design, sweep):
    """{quantity: (truth, [low, high] or None where not identified)} of one sweep."""
    c = designs.budgets(design)
    seen = sweep.flops < c[-1] * (1 - 1e-9)
    table = _table(sweep, seen)
    budgets, found = minima.measure(table, "loss", "params", resamples=0)
    if found.estimator != "parabola":
        return dict.fromkeys(_truths(design, c), (np.nan, None))
    law, size = minima.fit_law("frontier", found), minima.fit_size(found)
    power = minima.fit_law("power", found)
    told = "told" not in law["status"] and "bound" not in law["status"]
    measured = _gain(table, budgets, found)
    said = {
        "loss at largest": _largest(budgets, found),
        "gain over 8x": measured and measured["interval"],
        "size exponent": size.get("intervals", {}).get("a"),
        "E": law["intervals"]["E"] if told else None,
        "E, from zero": law["intervals"]["E"],
        "g": law["intervals"]["g"] if told else None,
        "law at 2x": law["between"](np.log(c[-1:]))[:, 0],
        "law at 8x": law["between"](np.log(4 * c[-1:]))[:, 0],
        "g, power law": power["intervals"]["g"] if design.E == 0 else None,
    }
    truth = _truths(design, c)
    if measured:
        ends = designs.best(np.array([measured["from"], measured["to"]]), design.E)[1]
        truth["gain over 8x"] = 1 - ends[1] / ends[0]
    coming = _coming(sweep, ~seen)
    if coming is not None:
        truth["next budget"] = coming
        said["next budget"] = predict.forecast(found, c[-1])[3]
    return {name: (truth[name], said.get(name)) for name in truth}


def _table(sweep, rows):
    data = {"flops_budget": sweep.flops, "params": sweep.params, "loss": sweep.loss}
    table = pd.DataFrame(data).loc[rows]
    return table.assign(run_id=table.index.astype(str))


def _truths(design, c):
    alpha, beta = designs.ALPHA, designs.BETA
    losses = designs.best(c, design.E)[1]
    g = alpha * beta / (alpha + beta)
    truth = {
        "gain over 8x": np.nan,
        "loss at largest": losses[-2],
        "size exponent": beta / (alpha + beta),
        "E": design.E,
        "E, from zero": design.E,
        "g": g,
        "law at 2x": losses[-1],
        "law at 8x": designs.best(4 * c[-1], design.E)[1],
        "next budget": np.nan,
    }
    return truth | ({"g, power law": g} if design.E == 0 else {})


def _largest(budgets, found):
    entry = entries.entry_of(budgets[-1], found)
    sound = budgets[-1].fitted and not entry["off_centre"]
    return entry["loss_interval"] if sound else None


def _gain(table, budgets, found):
    fit = {
        "budgets": [entries.entry_of(budget, found) for budget in budgets],
        "noise": entries.noise_of(found.noise),
        "estimator": found.estimator,
        "columns": {"loss": "loss"},
    }
    return gain.gain(table, fit)


def _coming(sweep, rows):
    """The next budget's minimum as it would be observed; None where it has none inside."""
    table = _table(sweep, rows)
    budget = isoflop.fit_budget(1.0, table["params"], table["loss"], table["run_id"])
    return budget.minimum[1] if budget.fitted else None
