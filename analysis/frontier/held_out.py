"""What every method predicts for budgets it has not seen, one fit per split, all splits at once."""

import numpy as np

from analysis.frontier import curve, methods

LAWS = ("power", "local", "frontier")  # laws in compute, from the simplest
ROW_LAWS = ("chinchilla", "gamma", "kaplan")
NO_CHANGE = "no change"
SIZES, BEYOND = 400, 10.0  # grid of sizes for an optimum, to this factor beyond the table's


def predictions(minima, splits, targets, rows=None, columns=None):
    """{method: log loss (splits, targets)}, nan where a split has too little for the method.

    A split k fits the first k minima, or the rows of budgets up to the k-th; `targets` is log
    compute. Laws in size and tokens are read at their own best size for it.
    """
    found = {law: _of_compute(law, minima, splits, targets) for law in LAWS}
    found[NO_CHANGE] = np.log(minima.loss)[np.array(splits) - 1][:, None] + 0 * targets
    if rows is not None and len(minima.loss) > 1:
        from analysis.laws import registry

        laws = registry.LAWS
        if "bnsl" in laws:
            found["bnsl"] = _of_minima(laws["bnsl"], minima, splits, targets)
        for name in ROW_LAWS:
            found[name] = _of_rows(laws[name], minima, splits, targets, rows, columns)
    return {method: values for method, values in found.items() if np.isfinite(values).any()}


def _of_compute(law, minima, splits, targets):
    found = np.full((len(splits), len(targets)), np.nan)
    for i, k in enumerate(splits):
        if k >= curve.MIN_POINTS[law]:
            log_c = minima.log_c[:k]
            E, A, g = curve.fit(law, log_c, minima.loss[None, :k], minima.loss_sd[:k])
            found[i] = np.log(E + A * np.exp(-g * (targets - log_c.mean())))
    return found


def _of_minima(law, minima, splits, targets):
    """A law in compute that the engine fits to the minima."""
    weights = np.arange(len(minima.loss)) < np.array(splits)[:, None]
    precision = (minima.loss_sd.mean() / minima.loss_sd) ** 2
    inputs = {"flops": np.exp(minima.log_c)}
    return _held_out(law, inputs, minima.loss, weights, {"flops": np.exp(targets)}, precision)


def _of_rows(law, minima, splits, targets, rows, columns):
    """A law in size and tokens through the runs, at its best size for each target's compute."""
    budget = rows["flops_budget"].to_numpy(float)
    limits = np.exp(minima.log_c[np.array(splits) - 1])
    weights = budget <= limits[:, None] * (1 + 1e-6)
    size, ratio = methods.flops_ratio(rows, columns)
    grid = np.geomspace(size[0] / BEYOND, size[-1] * BEYOND, SIZES)
    per_token = grid * np.interp(np.log(grid), np.log(size), ratio)
    tokens = np.exp(targets)[:, None] / per_token
    at = {"params": np.tile(grid, len(targets)), "tokens": tokens.ravel()}
    inputs = {role: rows[columns[role]].to_numpy(float) for role in law.inputs}
    loss = rows[columns["loss"]].to_numpy(float)
    found = _held_out(law, inputs, loss, weights, at)
    return found.reshape(len(splits), len(targets), SIZES).min(2)


def _held_out(law, inputs, loss, weights, at, precision=None):
    """Log loss (splits, places) at `at` of one fit per split; weights (splits, rows) are 0 or 1.

    Each split finds its own starts: the ends of a fit to all rows would carry what is held out
    into which of several optima a split falls.
    """
    from analysis.engine import fit, solve
    from analysis.engine.problem import problem

    found = np.full((len(weights), len(next(iter(at.values())))), np.nan)
    asked = None
    for i, kept in enumerate(weights > 0):
        if kept.sum() >= law.minimum_rows:
            asked = asked or problem(law, inputs, loss, weight=precision)
            part = asked.take(kept)
            theta, _ = solve.descend(part, fit.search(part)[0][:1])
            found[i] = law.log_loss(theta, asked.at(at))[0][0]
    return found
