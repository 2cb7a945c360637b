"""The chains and what is uncertain in them, as text."""

import textwrap

from analysis.costs import digits
from analysis.costs.compare import SLIP
from analysis.costs.uncertainty import Estimate

SECOND = (
    "DiT's Gflops are multiply-accumulates, two operations each. Break-even stays, a ratio of "
    "counts; H100-months, minutes of an H100-hour, demand and the comparison with the language "
    "models, whose counts are true FLOPs, change twofold (demand by 1.99: the article goes on from "
    "5.03 minutes as 5)."
)


def number(value: float) -> str:
    """Four digits: 1.017e+18 or 1,417 or 0.3904."""
    return f"{value:.3e}" if value >= 1e6 or value < 1e-3 else f"{value:,.4g}"


def published(found: Estimate) -> str:
    """The published estimate beside ours, the slips at the end."""
    head = (
        f"{'':24}{'published':>10}{'ours':>14}{'ratio':>8}  {'':8}{'true FLOPs':>14}{'change':>8}"
    )
    lines, section = [found.source, head], None
    for row in found.rows:
        if row.section != section:
            section = row.section
            lines.append(section)
        lines.append(_beside(row))
    return "\n".join([*lines, "", *_slips(found.rows)])


def _beside(row):
    printed = row.published
    ours, right = (
        digits.beside(value, printed) if printed else number(value)
        for value in (row.ours, row.true_flops)
    )
    ratio = f"{row.ratio:.3f}" if printed else ""
    change = "" if row.change == 1 else f"{row.change:.2f}x"
    source = f" ({row.source})" if row.source else ""
    return (
        f"  {row.name:22}{printed:>10}{ours:>14}{ratio:>8}  {row.verdict or '':8}"
        f"{right if change else '':>14}{change:>8}  {_words(row)}{source}"
    )


def _words(row):
    return f"{row.words}, {row.unit}".rstrip(", ")


def _slips(rows):
    lines = ["Slip 1: a sum, and what follows from it"]
    for row in (r for r in rows if r.verdict == SLIP):
        ours = digits.beside(row.ours, row.published, more=1)
        lines.append(f"  {row.words}: printed {row.published}, right {ours}; {row.why}")
    text = textwrap.fill(SECOND, 110, initial_indent="  ", subsequent_indent="  ")
    return [*lines, "Slip 2: operations (the columns at the right put it right)", text]


def own(found: Estimate) -> str:
    """The chain of one's own model."""
    lines = [found.source]
    for row in found.rows:
        origin = f"= {row.formula}" if row.formula else row.source
        lines.append(f"  {row.name:18}{number(row.value):>12}  {_words(row):38}{origin}")
    return "\n".join(lines)


def uncertain(found: Estimate) -> str:
    """Intervals and the tornado of the target."""
    lines = [
        "",
        f"Monte Carlo, {found.draws:,} draws, seed {found.seed}: 2.5 %, 50 %, 97.5 %",
    ]
    for name, ends in found.intervals.items():
        lines.append(f"  {name:22}" + "".join(f"{number(end):>12}" for end in ends))
    lines.append(f"What {found.target} becomes as one input goes from low to high")
    for bar in found.tornado:
        values = (bar.low, bar.high, bar.target_low, bar.target_high)
        ends = "".join(f"{number(value):>12}" for value in values)
        lines.append(f"  {bar.name:22}{ends}  {found.spreads[bar.name].kind}")
    return "\n".join(lines)
