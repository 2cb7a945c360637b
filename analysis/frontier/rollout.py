"""The choice between laws: by how well each predicted budgets it had not seen, not by its fit.

Each method is fitted to the first k budgets and predicts every later one, for every k from three
on: laws in compute through the minima, and, where rows are given, laws in size and tokens through
the runs of those budgets, at their own best size for the compute. The law in compute of the
smallest root mean square error at the next budget is chosen; a richer one must win by MARGIN over
a simpler one in TESTS trials or more, for with few budgets a lead is luck.
"""

import numpy as np

from analysis.frontier import held_out

FIRST = 3
MARGIN = 0.9
TESTS = 2


def rollout(minima, rows=None, columns=None):
    """Try every method on held-out budgets; returns a JSON-ready dict.

    `columns` maps params, tokens, flops and loss to columns of `rows` (the runs of the minima).
    tests, errors {method: of the next budget}, rms {method}, chosen: as the rule says;
    horizons {method: {"1": rms of log error one budget on, "2": two, ...}}, counts {method:
    {"1": trials}} (fewer where a law needs more than the first budgets hold);
    trials [{fitted, flops, horizon, observed, predicted {method: loss}}];
    next {flops, predicted {method: loss}} and disagreement: between methods, beside the noise.
    """
    count = len(minima.log_c)
    splits = [*range(FIRST, count), count]
    targets = np.append(minima.log_c, _next(minima.log_c))
    predicted = held_out.predictions(minima, splits, targets, rows, columns)
    trials = _trials(minima, splits, predicted)
    rms = {method: _rms(trials, method, 1) for method in predicted}
    tests = len(splits) - 1
    coming = {
        method: float(np.exp(found[-1, -1]))
        for method, found in predicted.items()
        if np.isfinite(found[-1, -1])
    }
    return {
        "rule": f"smallest rms error of the next budget; a richer law must be below {MARGIN:g} "
        f"times a simpler one in {TESTS} trials or more",
        "tests": tests,
        "errors": {method: _errors(trials, method, 1) for method in predicted},
        "rms": rms,
        "chosen": _choose(rms, tests),
        "horizons": {m: {str(h): _rms(trials, m, h) for h in _horizons(trials)} for m in predicted},
        "counts": {m: {str(h): _count(trials, m, h) for h in _horizons(trials)} for m in predicted},
        "trials": trials,
        "next": {"flops": float(np.exp(targets[-1])), "predicted": coming},
        "disagreement": _disagreement(coming, rms, _noise(minima)),
    }


def lines(tried):
    """The table for people: rms error of every method by horizon, and what it predicts next."""
    horizons = _horizons(tried["trials"])
    heads = "".join(f"{f'+{h}':>13s}" for h in horizons)
    found = [f"{'rms error, budgets on':22s}{heads}{'next':>10s}"]
    for method in sorted(tried["rms"], key=lambda m: (tried["rms"][m] is None, tried["rms"][m])):
        cells = "".join(f"{_cell(tried, method, str(h)):>13s}" for h in horizons)
        coming = tried["next"]["predicted"].get(method)
        found.append(f"{method:22s}{cells}{'-' if coming is None else f'{coming:.4f}':>10s}")
    return [*found, tried["disagreement"]["sentence"]]


def _cell(tried, method, horizon):
    """Rms and, in brackets, of how many trials."""
    rms, count = tried["horizons"][method][horizon], tried["counts"][method][horizon]
    return f"{rms:.2%} ({count})" if count else "-"


def _next(log_c):
    """Log compute of the budget after the last: one usual step on (twofold if there is none)."""
    return log_c[-1] + (np.median(np.diff(log_c)) if len(log_c) > 1 else np.log(2.0))


def _trials(minima, splits, predicted):
    return [
        {
            "fitted": k,
            "flops": float(np.exp(minima.log_c[j])),
            "horizon": j - k + 1,
            "observed": float(minima.loss[j]),
            "predicted": {
                method: float(np.exp(found[i, j]))
                for method, found in predicted.items()
                if np.isfinite(found[i, j])
            },
        }
        for i, k in enumerate(splits)
        for j in range(k, len(minima.loss))
    ]


def _horizons(trials):
    return sorted({trial["horizon"] for trial in trials})


def _of_horizon(trials, horizon):
    return [trial for trial in trials if trial["horizon"] == horizon]


def _errors(trials, method, horizon):
    """Log errors, None where the method had too little to be fitted."""
    return [
        float(np.log(trial["predicted"][method] / trial["observed"]))
        if method in trial["predicted"]
        else None
        for trial in _of_horizon(trials, horizon)
    ]


def _count(trials, method, horizon):
    return sum(method in trial["predicted"] for trial in _of_horizon(trials, horizon))


def _rms(trials, method, horizon):
    """Of the trials in which the method could be fitted; None if there is none."""
    errors = [error for error in _errors(trials, method, horizon) if error is not None]
    return float(np.sqrt(np.mean(np.square(errors)))) if errors else None


def _choose(rms, tests):
    chosen = held_out.LAWS[0]
    if tests >= TESTS:
        for law in held_out.LAWS[1:]:
            if rms[law] < MARGIN * rms[chosen]:
                chosen = law
    return chosen


def _noise(minima):
    """Relative error of the last minimum; None where no noise could be measured."""
    return float(minima.loss_noise[:, -1].std()) if len(minima.loss_noise) else None


def _disagreement(coming, rms, noise):
    """Range of the predictions for the next budget, of the methods that beat "no change"."""
    least = rms.get(held_out.NO_CHANGE)
    kept = [m for m in coming if m != held_out.NO_CHANGE]
    if least is not None:
        kept = [m for m in kept if rms[m] is None or rms[m] < least] or kept
    if not kept:
        return {"methods": [], "noise": noise, "sentence": "no method could predict a next budget"}
    low, high = min(kept, key=coming.get), max(kept, key=coming.get)
    spread = float(np.log(coming[high] / coming[low]))
    sentence = (
        f"next budget: from {coming[low]:.4f} ({low}) to {coming[high]:.4f} ({high}), "
        f"{spread:.2%} apart"
    )
    if noise:
        sentence += f", {spread / noise:.2g} times the noise of a minimum ({noise:.2%})"
    return {
        "methods": kept,
        "low": low,
        "high": high,
        "spread": spread,
        "noise": noise,
        "sentence": sentence,
    }
