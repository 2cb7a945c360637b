"""What the intervals of Chinchilla's law through the runs said, and what was planted."""

import numpy as np

from analysis.calibration import designs
from analysis.engine import RESAMPLES, intervals
from analysis.engine.fit import fit
from analysis.engine.problem import problem
from analysis.laws.chinchilla import LAW as CHINCHILLA

NAMES = ("alpha", "beta", "E", "a")


def judge(
    design: designs.Design, sweep: designs.Sweep, rng: np.random.Generator
) -> dict[str, tuple[float, list[float] | None]]:
    """{quantity: (truth, [low, high] or None where not identified)} of one sweep."""
    c = designs.budgets(design)
    seen = _most(sweep)[sweep.run] < c[-1] * (1 - 1e-9)
    inputs = {"params": sweep.params[seen], "tokens": sweep.tokens[seen]}
    posed = problem(CHINCHILLA, inputs, sweep.loss[seen], cluster=sweep.run[seen])
    found = fit(posed, rng=rng)
    reach = intervals.of(found, RESAMPLES, rng)
    flops = np.array([c[-1], 4 * c[-1]])
    n, losses = designs.best(design, flops)
    at = {"params": n, "tokens": flops / designs.FLOPS_PER_ND / n}
    law, new = reach.losses(at), reach.losses({k: v[:1] for k, v in at.items()}, new=True)
    said, truth = reach.parameters(), _truth(design)
    offset = designs.noise(design, flops[:1], rng)[0] + design.within * rng.standard_normal()
    coming = losses[0] * np.exp(offset)
    return {f"rows: {name}": (truth[name], said[name]) for name in NAMES} | {
        "rows: law at 2x": (losses[0], law[0]),
        "rows: law at 8x": (losses[1], law[1]),
        "rows: new run": (coming, new[0]),
    }


def _most(sweep):
    """Compute of each run's last checkpoint."""
    most = np.zeros(sweep.run.max() + 1)
    np.maximum.at(most, sweep.run, sweep.flops)
    return most


def _truth(design):
    alpha, beta = designs.ALPHA, designs.BETA
    return {"alpha": alpha, "beta": beta, "E": design.E, "a": beta / (alpha + beta)}
