"""What makes the minima of a sweep untrustworthy, each as a sentence and a word for programs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.frontier.isoflop import Budget

OFF_CENTRE = 0.2  # a minimum in the first or last fifth of its sizes (in log) is off centre
# Largest size over smallest. On a law with alpha .46, beta .26 a centred parabola over a factor 50
# puts the best size a tenth too high; over less than 3, noise decides where it bends.
NARROW, WIDE = 3.0, 50.0
FLAT = 3.0  # ends must rise by this many times the noise: a difference of two runs has sqrt 2
GAP = 1.5  # a step between budgets of this many usual ones (in log) leaves one out
DRIFT = 0.1  # minima move through at least this share of their sizes
SHORT = 8.0  # compute of the largest budget over the smallest, as the verdict's gain asks for


@dataclass(frozen=True)
class Flag:
    """One warning: `kind` for programs, the budget (FLOPs; None for all) and a sentence."""

    kind: str
    budget: float | None
    sentence: str


def of_budgets(budgets: Sequence[Budget], noise: float | None = None) -> list[Flag]:
    """Flags of a sweep's budgets (`isoflop.Budget`, ascending); `noise`: sd of log loss, if known.

    Kinds of one budget: few_sizes, edge, no_minimum, off_centre, narrow, flat, wide. Of the sweep:
    short, gap, fewer_sizes, drift.
    """
    found = [flag for budget in budgets for flag in _of_one(budget, noise)]
    return found + [flag for check in (_short, _gaps, _fewer, _drift) for flag in check(budgets)]


def place(budget: Budget) -> float:
    """Where the minimum lies in the sizes: 0 at the smallest, 1 at the largest (in log size)."""
    low, high = np.log(budget.sizes[[0, -1]])
    return float((np.log(budget.minimum[0]) - low) / (high - low)) if high > low else 0.5


def off_centre(budget: Budget) -> bool:
    """Whether the minimum lies in the first or last part of its sizes."""
    return not OFF_CENTRE < place(budget) < 1 - OFF_CENTRE


def _of_one(budget, noise):
    at = f"budget {budget.flops:.3g}"
    ratio = budget.sizes[-1] / budget.sizes[0]
    if not budget.fitted:
        yield Flag(_why(budget), budget.flops, f"{at}: {budget.reason}")
    else:
        part = place(budget)
        if not 0 < part < 1:
            side = "below the smallest" if part < 0.5 else "above the largest"
            yield Flag("edge", budget.flops, f"{at}: the minimum lies {side} size: extrapolated")
        elif off_centre(budget):
            end = "smallest" if part < 0.5 else "largest"
            text = f"{at}: the minimum lies near the {end} size ({part:.0%} of the way): off centre"
            yield Flag("off_centre", budget.flops, text)
        rise = np.log(budget.losses[[0, -1]] / budget.minimum[1]).min()
        if noise and rise < FLAT * noise:
            text = f"{at}: an end rises {rise:.2%} above the minimum, noise is {noise:.2%}: flat"
            yield Flag("flat", budget.flops, text)
    if ratio < NARROW:
        text = f"{at}: sizes span a factor {ratio:.2g}, less than {NARROW:g}: narrow"
        yield Flag("narrow", budget.flops, text)
    if ratio > WIDE:
        text = f"{at}: sizes span a factor {ratio:.3g}, more than {WIDE:g}: no parabola that wide"
        yield Flag("wide", budget.flops, text)


def _why(budget):
    if "sizes, a parabola needs" in budget.reason:
        return "few_sizes"
    return "no_minimum" if "bends" in budget.reason else "edge"


def _short(budgets):
    ratio = budgets[-1].flops / budgets[0].flops
    if ratio < SHORT * (1 - 1e-6):
        text = f"the budgets span a factor {ratio:.3g} of compute, less than {SHORT:g}: truncated"
        yield Flag("short", None, text)


def _gaps(budgets):
    flops = np.array([budget.flops for budget in budgets])
    steps = np.diff(np.log(flops))
    if not len(steps):
        return
    usual = np.median(steps)
    for i in np.flatnonzero(steps > GAP * usual):
        text = (
            f"budget {flops[i + 1]:.3g}: {np.exp(steps[i]):.3g} times the one before, where "
            f"{np.exp(usual):.3g} is usual: budgets are missing between"
        )
        yield Flag("gap", float(flops[i + 1]), text)


def _fewer(budgets):
    last = budgets[-1]
    usual = np.median([len(budget.sizes) for budget in budgets[:-1]]) if budgets[:-1] else 0
    if len(last.sizes) < usual:
        text = f"budget {last.flops:.3g}: {len(last.sizes)} sizes where {usual:g} is usual"
        yield Flag("fewer_sizes", last.flops, f"{text}: truncated")


def _drift(budgets):
    """Minima that move steadily towards one end of their sizes and would leave the middle next."""
    fitted = [budget for budget in budgets if budget.fitted]
    if len(fitted) < 3:
        return
    parts = np.array([place(budget) for budget in fitted])
    log_c = np.log([budget.flops for budget in fitted])
    slope, height = np.polyfit(log_c - log_c[-1], parts, 1)
    coming = height + slope * np.median(np.diff(log_c))
    steady = (np.diff(parts) * np.sign(slope) > 0).mean() >= 0.75
    far = abs(parts[-1] - parts[0]) >= DRIFT
    if steady and far and not OFF_CENTRE < coming < 1 - OFF_CENTRE:
        end = "largest" if slope > 0 else "smallest"
        text = (
            f"budget {fitted[-1].flops:.3g}: minima move from {parts[0]:.0%} to {parts[-1]:.0%} of "
            f"the way through their sizes, towards the {end}: off centre at the next budget"
        )
        yield Flag("drift", float(fitted[-1].flops), text)
