"""The choice between laws: by how well each predicted the next budget, not by how well it fits.

Each law is fitted to the first k budgets and predicts the budget after them, for every k from
three on. The law of the smallest root mean square error is chosen; a richer law must win by
MARGIN over a simpler one in TESTS trials or more, for with few budgets a lead is luck.
"""

import numpy as np

from analysis.frontier import curve

FIRST = 3
ORDER = ("power", "local", "frontier")  # from the simplest
MARGIN = 0.9
TESTS = 2


def rollout(minima):
    """Errors of log loss of each law at each next budget, and the law chosen."""
    tests = range(FIRST, len(minima.log_c))
    table = {law: [_miss(minima, law, k) for k in tests] for law in (*ORDER, "no change")}
    rms = {law: float(np.sqrt(np.mean(np.square(e)))) if e else None for law, e in table.items()}
    chosen = ORDER[0]
    if len(tests) >= TESTS:
        for law in ORDER[1:]:
            if rms[law] < MARGIN * rms[chosen]:
                chosen = law
    return {
        "rule": f"smallest rms error of the next budget; a richer law must be below {MARGIN:g} "
        f"times a simpler one in {TESTS} trials or more",
        "tests": len(tests),
        "errors": table,
        "rms": rms,
        "chosen": chosen,
    }


def _miss(minima, law, k):
    if law == "no change":
        predicted = minima.loss[k - 1]
    else:
        log_c = minima.log_c[:k]
        E, A, g = curve.fit(law, log_c, minima.loss[None, :k], minima.loss_sd[:k])
        predicted = (E + A * np.exp(-g * (minima.log_c[k] - log_c.mean())))[0]
    return float(np.log(predicted / minima.loss[k]))
