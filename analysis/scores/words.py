"""Scores over compute for people: a table in the terminal."""

import math
from collections.abc import Sequence

from analysis.scores.curve import Curve


def lines(found: Sequence[Curve]) -> list[str]:
    """A line for each score."""
    width = max(map(len, (curve.name for curve in found)), default=0)
    head = f"{'score':{width}s} {'first':>14s} {'last':>14s} {'coded':>7s} {'real':>7s}"
    text = [f"{head}  {'reads':20s} {'clips for 2x':>12s}  best size by it / by loss"]
    return text + [_line(curve, width) for curve in found]


def _line(curve, width):
    ends = " ".join(f"{_number(p.value)} ±{_number(p.error)}".rjust(14) for p in _ends(curve))
    bounds = " ".join(f"{_known(curve.beside.get(b)):>7s}" for b in ("coded", "real"))
    name = f"{curve.name:{width}s}"
    return f"{name} {ends} {bounds}  {curve.reads:20s} {clips(curve):>12s}  {size(curve)}"


def _ends(curve):
    return curve.points[0], curve.points[-1]


def clips(curve: Curve) -> str:
    """Clips that tell 2x of compute apart."""
    count = curve.clips_for_double
    if count is None:
        return "seeds hide it"
    return "unknown" if math.isnan(count) else f"{math.ceil(count):,}"


def size(curve: Curve) -> str:
    """Best size by the score over that by the loss."""
    if curve.size is None:
        return "not told"
    low, high = curve.size.interval
    return f"{curve.size.value:.2g} [{low:.2g}, {high:.2g}]"


def _number(value):
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.4g}"


def _known(value):
    return "-" if value is None else _number(value)
