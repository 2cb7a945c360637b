"""What a sweep's fit said of its frontier, and what was planted."""

import numpy as np
import pandas as pd

from analysis.calibration import designs
from analysis.calibration.designs import Design, Sweep
from analysis.frontier import best_size, forecast, laws, minima

COLUMNS = {role: role for role in ("params", "tokens", "flops", "loss")}
AHEAD = {"next budget": 1, "4x further": 4, "16x further": 16}  # times the next budget's compute

Said = tuple[
    float, list[float] | None
]  # what was planted, and the interval, None where there is none


def judge(design: Design, sweep: Sweep, rng: np.random.Generator) -> dict[str, Said]:
    """{quantity: (truth, interval)} of one sweep.

    Forecasts are held against what a budget designed like the largest would then have shown.
    """
    c = designs.budgets(design)
    table = seen(design, sweep)
    _, found = minima.measure(table, "loss", "params")
    if found.estimator != "parabola":
        return {}
    whole = forecast.outlook(found, table, COLUMNS)
    size = best_size.headline(best_size.voices(found, whole.surface), found)
    last = designs.best(design, np.exp(found.log_c[-1:]))[1][0]
    law = laws.fit_law("frontier", found)
    said = {
        "loss at largest": (last, _about(found.loss[-1], minima.interval(found, -1))),
        "size exponent": (_exponent(design, c), (size.intervals or {}).get("a")),
        "gain over 8x": _gain(design, whole.gain()),
    }
    if not design.frontier and not design.mistuned:
        said["E, from zero"] = (design.E, law.intervals["E"])
    return said | _forecasts(design, c, whole, found, rng)


def _about(value, ends):
    return [float(value * np.exp(end)) for end in ends]


def _exponent(design, c):
    """Of the best sizes between the smallest and the largest budget."""
    n = designs.best(design, c[[0, -2]])[0]
    return float(np.log(n[1] / n[0]) / np.log(c[-2] / c[0]))


def _gain(design, measured):
    if measured is None:
        return np.nan, None
    ends = designs.best(design, np.array([measured.from_, measured.to]))[1]
    return 1 - ends[1] / ends[0], measured.interval


def _forecasts(design, c, whole, found, rng):
    own = np.hypot(found.loss_sd[-1], design.errors)
    said = {}
    for name, times in AHEAD.items():
        truth = designs.best(design, c[-1:] * times)[1][0]
        came = truth * np.exp(own * rng.standard_normal())
        said[name] = (float(came), whole.at(float(c[-1] * times)).interval)
    return said


def errors(design: Design, whole: forecast.Outlook) -> dict[str, float]:
    """Log error at the next budget of the forecast and of what else could have been said."""
    c = designs.budgets(design)
    truth = float(np.log(designs.best(design, c[-1:])[1][0]))
    log_c = float(np.log(c[-1]))
    alone = {name: float(np.squeeze(law.value(log_c))) for name, law in whole.stack.laws.items()}
    said = {
        "forecast": whole.stack.at(log_c).quantile(0.5),
        "always the floor": alone["frontier"],
        "always Chinchilla": alone.get("chinchilla", np.nan),
        "the middle": (min(alone.values()) + max(alone.values())) / 2,
    }
    return {name: value - truth for name, value in said.items()}


def seen(design: Design, sweep: Sweep) -> pd.DataFrame:
    """The runs but for the next budget's, as a results table."""
    rows = sweep.flops < designs.budgets(design)[-1] * (1 - 1e-9)
    data = {role: getattr(sweep, role)[rows] for role in COLUMNS}
    table = pd.DataFrame(data).assign(flops_budget=sweep.flops[rows])
    return table.assign(run_id=table.index.astype(str))
