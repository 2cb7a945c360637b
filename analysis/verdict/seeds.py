"""How many more seeds, and where, make a prediction or the gain known well enough to decide."""

import math

import numpy as np
import pandas as pd

from analysis import predict
from analysis.engine import student
from analysis.laws import forms
from analysis.verdict.gain import leverage, minimum
from analysis.verdict.proposal import count, propose
from analysis.verdict.thresholds import CHANCE, CONFIDENCE

SIMULATIONS, RESAMPLES = 8, 100
REPLICAS = (1, 2, 4, 8)  # further seeds of every run that are tried to narrow a prediction


def narrow_prediction(rows, fit, factor, fall, error):
    """Seeds of every run that make the next prediction narrower than the gain, and their number.

    The first of 0 and REPLICAS with a narrow one in CHANCE of simulated sweeps; (None, 0) if none.
    """
    shares = {}
    for extra in (0, REPLICAS[-1], *REPLICAS[:-1]):  # if the most do not help, none will
        shares[extra] = _chance_narrow(rows, fit, factor, (fall, error), extra)
        if extra != REPLICAS[-1] and shares[extra] >= CHANCE:
            break
        if extra == REPLICAS[-1] and shares[extra] < CHANCE:
            return None, 0
    extra = min(extra for extra, share in shares.items() if share >= CHANCE)
    cells = [(b, size) for b in fit["budgets"] for size in b["sizes"]]
    runs = [{"flops": b["flops"], "size": size, "seeds": extra} for b, size in cells]
    done = propose(
        rows,
        f"repeat every run with {extra} more seed{'s' * (extra > 1)}",
        ["wide"],
        runs,
        "the interval of the next prediction becomes narrower than the gain",
        shares[extra],
    )
    return done, extra


def _chance_narrow(rows, fit, factor, gain, extra):
    """Chance that the next prediction is narrower than the gain, with `extra` seeds simulated.

    gain: (fall, error) of log loss, as what it will be found to be is not known either.
    """
    rng = np.random.default_rng(0)
    loss, size = fit["columns"]["loss"], fit["columns"]["params"]
    expected = _expected(rows, fit, loss, size)
    chances = []
    for _ in range(SIMULATIONS if extra else 1):
        noise = np.exp(fit["noise"]["sd"] * rng.standard_normal((extra, len(expected))))
        more = [expected.assign(**{loss: expected[loss] * factors}) for factors in noise]
        table = pd.concat([rows, *more], ignore_index=True)
        found = predict.predict_table(table, factor, loss, size, resamples=RESAMPLES)
        chances.append(_below(found["interval"], *gain))
    return float(np.mean(chances))


def _expected(rows, fit, loss, size):
    """One row for each cell, its loss moved by what puts its budget's minimum on the law."""
    cells = rows.drop_duplicates(["flops_budget", size])
    mean = rows.groupby(["flops_budget", size])[loss].transform("mean").loc[cells.index]
    law = fit["laws"]["frontier"]
    if not law.get("parameters"):
        return cells.assign(**{loss: mean})
    E, A, g = (law["parameters"][name] for name in "EAg")
    off = {
        b["flops"]: forms.frontier_at(b["flops"], law["reference"], E, A, g) / b["loss"]
        for b in fit["budgets"]
    }
    return cells.assign(**{loss: mean * cells["flops_budget"].map(off)})


def _below(interval, fall, error):
    """Chance that a gain of log loss `fall`, known to `error`, exceeds the interval's width."""
    if interval is None or interval[1] >= 2 * interval[0]:
        return 0.0
    width = -math.log1p(-(interval[1] / interval[0] - 1))
    return 0.5 * math.erfc((width - fall) / error / math.sqrt(2))


def more_seeds(rows, fit, pair, fall, ratio, error, pair_se, limit):
    """Seeds at the two budgets of the gain, added where they help most per FLOP.

    Until the gain's interval leaves the minimum with CHANCE, given that the fall is known to
    `error` so far; or until the runs cost `limit` FLOPs (`chance` says how far that gets).
    """
    least = -math.log1p(-minimum(ratio))
    extra = [np.zeros(len(budget["sizes"])) for budget in pair]
    noise, spent = fit["noise"], 0.0
    while True:
        variance = noise["sd"] ** 2 * sum(map(leverage, pair, extra)) + pair_se**2
        df = noise["df"] + sum(added.sum() for added in extra)
        chance = chance_outside(fall - least, error, math.sqrt(variance), df)
        if chance >= CHANCE or spent > limit:
            break
        at, cell = max(_cells(pair), key=lambda where: _worth(pair, extra, *where))
        extra[at][cell] += 1
        spent += pair[at]["flops"]
    runs = [
        {"flops": budget["flops"], "size": size, "seeds": int(more)}
        for budget, added in zip(pair, extra, strict=True)
        for size, more in zip(budget["sizes"], added, strict=True)
    ]
    reach = student.quantile(df, CONFIDENCE) * math.sqrt(variance)
    return propose(
        rows,
        _seed_words(runs),
        ["gain"],
        runs,
        f"the gain becomes known to ± {reach:.2%}, {abs(fall - least):.2%} from the least that "
        "matters as it stands",
        chance,
    )


def _cells(pair):
    return [(at, cell) for at, budget in enumerate(pair) for cell in range(len(budget["sizes"]))]


def _worth(pair, extra, at, cell):
    """Fall of the minimum's variance for one more seed there, per FLOP."""
    more = extra[at].copy()
    more[cell] += 1
    return (leverage(pair[at], extra[at]) - leverage(pair[at], more)) / pair[at]["flops"]


def chance_outside(distance, before, after, df):
    """Chance that an interval of error `after` will leave a value now `distance` away.

    The estimate itself will move, by what the present error `before` does not share with it.
    """
    from scipy import special

    reach = student.quantile(df, CONFIDENCE) * after
    spread = math.sqrt(max(before**2 - after**2, 1e-24))
    above, below = (special.ndtr((sign * distance - reach) / spread) for sign in (1, -1))
    return float(above + below)


def _seed_words(runs):
    runs = [run for run in runs if run["seeds"]]
    each = [
        f"{run['seeds']}x size {count(run['size'])} at {run['flops']:.3g} FLOPs" for run in runs
    ]
    return f"repeat with new seeds: {', '.join(each)}" if each else "no more seeds"
