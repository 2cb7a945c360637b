"""The frontier found in several ways, side by side: where they differ, a number is not known.

Approach 2 of Hoffmann et al. (2203.15556) by parabola and by Akima interpolation, Approach 1 by
the envelope, Approach 3 by Chinchilla's law through every run.
"""

import numpy as np

from analysis.frontier import akima, curve, envelope, flags


def compare(rows, columns, budgets, noise=None):
    """All methods on one table; a JSON-ready dict.

    `columns` maps params, tokens, flops, loss and (optional) group to columns of `rows`;
    `budgets` are of `isoflop.fit_budgets` (an empty list where the table has none), `noise` the
    sd of log loss between runs. Returns optima [{flops, parabola {size, loss, reason}, akima}],
    laws {method: {a, b, g, n, status, floor {E, A, g, reference}}} and flags [{kind, ...}].
    """
    found, warned = _envelope(rows, columns)
    if budgets:
        warned = [*flags.of_budgets(budgets, noise), *warned]
        found |= {
            name: _laws(frontier(budgets, name, rows, columns)) for name in ("parabola", "akima")
        }
    return {
        "optima": [_optimum(budget) for budget in budgets],
        "laws": found | {"chinchilla": _chinchilla(rows, columns)},
        "flags": [flag.as_dict() for flag in warned],
    }


def frontier(budgets, method, rows, columns):
    """Points through the minima by "parabola" or "akima", of budgets that have one inside."""
    sound = [budget for budget in budgets if not _reason(budget, method)]
    size, loss = np.array([_minimum(budget, method) for budget in sound]).reshape(-1, 2).T
    flops = np.array([budget.flops for budget in sound])
    runs = np.array([budget.best_run for budget in sound], dtype=str)
    return envelope.Points(np.log(flops), size, tokens_at(size, flops, rows, columns), loss, runs)


def flops_ratio(rows, columns):
    """FLOPs per parameter and token of every size in the table: sizes (S,) ascending, ratios."""
    size = rows[columns["params"]].astype(float)
    ratio = rows[columns["flops"]] / (size * rows[columns["tokens"]])
    found = ratio.groupby(size).median()
    return found.index.to_numpy(float), found.to_numpy(float)


def tokens_at(size, flops, rows, columns):
    """Tokens that `flops` buys at each size, by the table's own FLOPs per parameter and token."""
    sizes, ratio = flops_ratio(rows, columns)
    return flops / (size * np.interp(np.log(size), np.log(sizes), ratio))


def lines(found):
    """The comparison as text: best sizes of every budget, exponents of every method, flags."""
    text = []
    if found["optima"]:
        heads = ("budget", 10), ("size: parabola", 16), ("akima", 12), ("loss: parabola", 16)
        text.append("".join(f"{head:>{w}s}" for head, w in (*heads, ("akima", 9))))
    for at in found["optima"]:
        one, other = at["parabola"], at["akima"]
        text.append(
            f"{at['flops']:10.3g}{one['size']:16.4g}{other['size']:12.4g}"
            f"{one['loss']:16.4f}{other['loss']:9.4f}  {one['reason'] or other['reason']}"
        )
    text.append(f"{'':12s}{'N ~ C^a':>10s}{'D ~ C^b':>10s}{'L ~ C^-g':>10s}{'points':>8s}")
    for name, law in found["laws"].items():
        cells = [f"{law[key]:10.4f}" if key in law else f"{'-':>10s}" for key in "abg"]
        text.append(f"{name:12s}{''.join(cells)}{law['n']:8d}  {law['status']}")
    return text + [flag["sentence"] for flag in found["flags"]]


def _reason(budget, method):
    return budget.reason if method == "parabola" else akima.reason(budget)


def _minimum(budget, method):
    return budget.minimum if method == "parabola" else akima.minimum(budget)


def _optimum(budget):
    found = {"flops": budget.flops}
    for method in ("parabola", "akima"):
        size, loss = _minimum(budget, method)
        found[method] = {"size": size, "loss": loss, "reason": _reason(budget, method)}
    return found


def _envelope(rows, columns):
    """({"envelope": laws}, flags); of one size there is none."""
    if rows[columns["params"]].nunique() < 2:
        return {"envelope": {"n": 0, "status": "not identified: one size"}}, []
    points, inside, warned = envelope.envelope(rows, columns)
    return {"envelope": _laws(points.take(inside))}, warned


def _laws(points):
    """Power laws through the points and, where there are enough, the loss with a floor."""
    found = envelope.laws(points)
    if len(points) > curve.MIN_POINTS["frontier"]:
        E, A, g = curve.fit("frontier", points.log_c, points.loss[None], np.ones(len(points)))
        reference = curve.reference(points.log_c)
        floor = {"E": float(E[0]), "A": float(A[0]), "g": float(g[0]), "reference": reference}
        found["floor"] = floor
    return found


def _chinchilla(rows, columns):
    from analysis.engine import fit as engine
    from analysis.engine.problem import problem
    from analysis.laws.registry import LAWS

    law = LAWS["chinchilla"]
    if len(rows) < law.minimum_rows:
        few = f"not identified: {len(rows)} rows for {len(law.parameters)} parameters"
        return {"n": len(rows), "status": few}
    inputs = {role: rows[columns[role]].to_numpy(float) for role in law.inputs}
    fitted = engine.fit(problem(law, inputs, rows[columns["loss"]]))
    return {"n": len(rows), "status": fitted.status.words, **fitted.derived}
