"""Loss curves planted by the annealing-aware law, of runs with different schedules."""

import numpy as np
import pandas as pd

TRUTH = {"L0": 2.0, "A": 0.6, "alpha": 0.45, "C": 0.35, "memory": 200.0}
PEAK, EVERY = 2e-3, 20


def schedules(steps):
    """Learning rates of every step: constant, cosine, and stable then down a line to zero."""
    warm = np.minimum(np.arange(1, steps + 1) / (0.02 * steps), 1.0)
    share = np.arange(1, steps + 1) / steps
    return {
        "constant": PEAK * warm,
        "cosine": PEAK * warm * (0.55 + 0.45 * np.cos(np.pi * share)),
        "wsd": PEAK * warm * np.minimum((1 - share) / 0.2, 1.0),
    }


def area(rates, memory):
    """S2 of 2408.11029, as it is printed: a sum of sums."""
    found, momentum, peak = np.zeros(len(rates)), 0.0, rates.argmax()
    for i in range(peak + 1, len(rates)):
        momentum = (1 - 1 / memory) * momentum + rates[i - 1] - rates[i]
        found[i] = found[i - 1] + momentum
    return found


def curves(rng, kinds=("constant", "cosine", "wsd"), lengths=(2000, 4000), noise=(0.001, 0.004)):
    """A table of curves: run_id, steps, loss, lr_final, schedule; noise between runs and points."""
    parts = []
    for steps in lengths:
        for kind in kinds:
            rates, t = schedules(steps)[kind], TRUTH
            loss = t["L0"] + t["A"] * np.cumsum(rates) ** -t["alpha"]
            loss = loss - t["C"] * area(rates, t["memory"])
            at = np.arange(EVERY, steps + 1, EVERY)
            wobble = noise[0] * rng.standard_normal() + noise[1] * rng.standard_normal(len(at))
            part = {"steps": at, "lr_final": rates[at - 1], "loss": loss[at - 1] * np.exp(wobble)}
            parts.append(pd.DataFrame(part).assign(run_id=f"{kind}{steps}", schedule=kind))
    return pd.concat(parts, ignore_index=True)
