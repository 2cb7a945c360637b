"""What the rule says of planted sweeps whose last budget was predicted from the others.

Scores are taken as improving: they are judged apart from the loss.
"""

import numpy as np
import pandas as pd

from analysis import predict
from analysis.calibration import designs
from analysis.calibration.designs import Design, Sweep
from analysis.calibration.frontier import COLUMNS
from analysis.fitting import budgets as entries
from analysis.frontier import forecast, minima
from analysis.verdict import rule

SCORE = {"quality": 0.5, "quality_se": 0.01, "quality_real": 1.0}


def judge(design: Design, sweep: Sweep) -> dict:
    """The rule's dict for the design's budgets, the largest predicted from the others."""
    table = table_of(design, sweep)
    largest = table["flops_budget"].max()
    before = table[table["flops_budget"] < largest * (1 - 1e-9)]
    said = predict.predict_table(before, design.factor, "loss", "params")
    return verdict(table, said | {"created": 0.0})


def verdict(table: pd.DataFrame, prediction: dict) -> dict:
    """The rule's dict for a table of runs and a prediction."""
    budgets, found = minima.measure(table, "loss", "params")
    whole = forecast.outlook(found, table, COLUMNS)
    fit = {
        "columns": {"loss": "loss", "params": "params"},
        "noise": found.noise and vars(found.noise),
        "estimator": found.estimator,
        "budgets": [entries.entry_of(budget, found) for budget in budgets],
        "size_law": minima.fit_size(found),
        "gain": whole.gain(),
        "forecasts": [whole.at(2 * budgets[-1].flops).as_dict()],
    }
    return rule.judge(table, fit, prediction)


def table_of(design: Design, sweep: Sweep) -> pd.DataFrame:
    """The runs but for the next budget's, with a score that improves."""
    c = designs.budgets(design)
    seen = sweep.flops < c[-1] * (1 - 1e-9)
    data = {role: getattr(sweep, role)[seen] for role in ("flops", "params", "tokens", "loss")}
    table = pd.DataFrame(data | {"flops_budget": sweep.flops[seen]}).assign(**SCORE, started=1.0)
    table["quality"] += 0.1 * np.log(table["flops"] / table["flops"].min())
    return table.assign(run_id=table.index.astype(str))
