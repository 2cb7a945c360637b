"""Learning rate, batch and steps of a run planned, from a sweep of them or from the best runs."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.engine.answer import Answer
from analysis.fitting.result import Fit
from analysis.laws import hyperparameters, loglinear, tuning
from vdit.errors import InputError

NAMES = ("lr", "batch")
LEAST = 3  # best runs that a power law through them needs
SAME = 1e-6  # best runs that differ by less than this share had one and the same setting


@dataclass(frozen=True)
class Settings:
    """Of a run planned, and `by` what they are known."""

    by: str
    lr: Answer | None = None
    batch: Answer | None = None
    steps: Answer | None = None


def settings(
    fit: Fit, rows: pd.DataFrame | None, flops: float, size: float, tokens: float
) -> Settings | None:
    """Learning rate, batch and steps; None where nothing says.

    From the fit's law "hyperparameters" (optima of a sweep) where it has one; else power laws of
    compute through the best run of each budget of `rows`: what the sweep used, not what is best.
    """
    found = _swept(fit, size, tokens, flops) or _used(fit, rows, flops)
    per_step = found and _tokens_per_step(rows, found.batch)
    return replace(found, steps=Answer(tokens / per_step)) if per_step else found


def _swept(fit, size, tokens, flops):
    law = fit.laws.get("hyperparameters")
    if not isinstance(law, tuning.Tuned) or not law.laws:
        return None
    at = {"params": size, "tokens": tokens, "flops": flops}
    found = hyperparameters.predict(law, {role: at[role] for role in law.inputs})
    return Settings("the optima of a sweep of learning rate and batch", **found)


def _used(fit, rows, flops):
    best = _best_runs(fit, rows)
    if best is None or len(best) < LEAST:
        return None
    found = {name: _power(best["flops"], best[name], flops) for name in NAMES if name in best}
    by = f"a power law through the best runs of {len(best)} budgets, as the sweep set them"
    return Settings(by, **found) if found else None


def _best_runs(fit, rows):
    if rows is None or not fit.budgets:
        return None
    wanted = [budget.best_run for budget in fit.budgets]
    return rows[rows["run_id"].astype(str).isin(wanted)].drop_duplicates("run_id")


def _power(flops, values, at):
    """The value at compute `at` by a power law, and the 95 % interval of one more best run."""
    values = np.asarray(values, float)
    if np.ptp(values) <= SAME * values.max():
        return Answer(float(values[0]))
    try:
        return loglinear.fit({"flops": flops}, values).predict({"flops": at}, new=True)
    except InputError:
        return None


def _tokens_per_step(rows, batch):
    """Tokens of one step: the batch planned times the tokens of a clip of the table."""
    if rows is None or batch is None or not {"tokens", "clips"} <= set(rows.columns):
        return None
    return float((rows["tokens"] / rows["clips"]).median()) * batch.value
