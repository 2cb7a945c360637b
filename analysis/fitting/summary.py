"""A fit in words, for the terminal."""

import textwrap
from collections.abc import Mapping

from analysis.fitting.entry import Entry
from analysis.fitting.result import Fit
from analysis.fitting.rows import Told
from analysis.frontier import forecast
from analysis.frontier.laws import SizeLaw
from analysis.laws import form, names
from analysis.table.arguments import REASONS

# Laws through the budgets' minima count compute from the middle of the budgets.
THROUGH_MINIMA = {
    "frontier": "L(C) = E + A (C / {:.3g})^-g",
    "power": "L(C) = A (C / {:.3g})^-g",
    "local": "L(C) = A (C / {:.3g})^-g of the last budgets",
    "curved": "L(C) = A exp(-g (1 - exp(-k u)) / k), u = log(C / {:.3g})",
    "isoflop": "N*(C) = N (C / {:.3g})^a",
}


def warnings(told: Told | Fit) -> list[str]:
    """What to know about rows and budgets, a line each."""
    said = [gone.line for gone in told.dropped]
    said += [f"{rows.line} (kept; {_drop(rows.reason)} leaves them out)" for rows in told.flagged]
    said += [f"warning: {sentence}" for sentence in _grouped(told.warnings)]
    return said + [f"note: {note}" for note in told.notes]


def _drop(reason):
    """The flag; of what a law says one command's alone."""
    return f"{'' if reason in REASONS else 'analysis.fit '}--drop {reason}"


def _grouped(flags):
    """One sentence a kind: the first budget's, and at which others the same was found."""
    kinds = {}
    for flag in flags:
        alone = None if flag.budget else flag.sentence  # of the whole table: told as it is
        kinds.setdefault((flag.kind, alone), []).append(flag)
    for first, *others in kinds.values():
        more = ", ".join(f"{flag.budget:.3g}" for flag in others)
        yield first.sentence + (f"; the same at {more}" if more else "")


def text(fit: Fit, asked: str) -> str:
    """The whole summary of a fit for which `asked` was asked."""
    columns = fit.columns
    told = ", ".join(f"{role}: {columns[role]}" for role in ("loss", "params") if role in columns)
    owed = forecast.smallest_budget(fit.forecasts)
    parts = [f"{fit.rows} rows fitted ({told})", budgets(fit), owed]
    parts.append(table(fit.laws) if asked == "all" else law(fit.entry))
    if fit.size_law and fit.size_law.parameters:
        parts.append(size(fit.size_law))
    if asked == "all" and fit.rollout and fit.rollout.rule:
        parts.append("\n".join([*fit.rollout.lines(), fit.rollout.rule]))
    return "\n\n".join(part for part in parts if part)


def budgets(fit: Fit) -> str:
    """Every compute budget with its best loss and size; "" where the table has none.

    slope: by what power of compute the best loss fell since the budget before.
    """
    if not fit.budgets:
        return ""
    lines = [f"{'budget, FLOPs':>14s} {'best loss':>10s} {'slope':>7s} {'best size':>10s}"]
    slopes = ["", *(f"{slope:.3f}" for slope in fit.slopes)]
    for b, slope in zip(fit.budgets, slopes, strict=True):
        what = "" if b.fitted else f"  {b.status.words}"
        lines.append(f"{b.flops:14.3g} {b.loss:10.4f} {slope:>7s} {b.size:10.3g}{what}")
    return "\n".join(lines)


def size(law: SizeLaw) -> str:
    """The exponent of the best size, and what either way says of it."""
    a, between = law.parameters["a"], _between(law.intervals["a"])
    said = [f"{name} {v.a:.3f}{_between(v.interval)}" for name, v in law.voices.items()]
    head = f"best size N* ~ C^{a:.3f}{between}: {law.status.words}"
    return "\n".join([head, *(f"  {one}" for one in said)])


def law(entry: Entry) -> str:
    """The law asked for: its form, status, parameters, what it predicts."""
    lines = [f"{entry.law}: {_form(entry)}".rstrip(": "), f"  {'status':10s} {_status(entry)}"]
    if entry.fitted_to:
        lines.append(f"  {'rows':10s} {entry.fitted_to}")
    if entry.objective_value is not None:
        lines.append(f"  {'objective':10s} {entry.objective_value:.10g}  ({_objective(entry)})")
    for name, value in _shown({**entry.parameters, **_new(entry)}).items():
        between = _between(entry.intervals.get(name))
        lines.append(f"  {name:10s} {value:<12.6g}{between}".rstrip())
    if ahead := entry.ahead:
        lines.append(
            f"  {'predicted':10s} loss {ahead.loss:.4f} at {ahead.flops:.3g} FLOPs, 8 times "
            f"the largest{_between(ahead.interval)}"
        )
    return "\n".join([*lines, *(entry.lines or ()), *_held_out(entry)])


def table(laws: Mapping[str, Entry]) -> str:
    """All methods side by side, sorted by nothing: the order they were fitted in."""
    wide = max(map(len, laws))
    ahead = "loss at 8x compute, 95 %"
    head = f"{'method':{wide}s}  {'rows':>5s}  {'objective':>10s}  {'a':>5s}  {ahead:26s}  status"
    lines = [head]
    for name, entry in laws.items():
        value, a = entry.objective_value, entry.derived.get("a")
        cells = [
            f"{name:{wide}s}",
            f"{entry.n:5d}",
            f"{'' if value is None else format(value, '.4g'):>10s}",
            f"{'' if a is None else format(a, '.3f'):>5s}",
            f"{_ahead(entry):26s}",
            textwrap.shorten(_status(entry), 72, placeholder=" ..."),
        ]
        lines.append("  ".join(cells))
        known = _shown(entry.parameters)
        if known:
            indent = " " * (wide + 2)
            told = "  ".join(f"{k} {v:.4g}" for k, v in known.items())
            lines += textwrap.wrap(told, 110, initial_indent=indent, subsequent_indent=indent)
    lines += ["", *_disagreement(laws)]
    return "\n".join(lines)


def _disagreement(laws):
    known = {n: e.ahead.loss for n, e in laws.items() if e.ahead}
    if len(known) < 2:
        return []
    low, high = min(known, key=known.get), max(known, key=known.get)
    return [
        f"at 8 times the largest compute the methods differ by {known[high] / known[low] - 1:.1%}: "
        f"from {known[low]:.4f} ({low}) to {known[high]:.4f} ({high})",
        "a is the exponent of the best size, N* ~ C^a; objectives of different laws do not compare",
    ]


def _held_out(entry):
    held = entry.held_out
    if not held:
        return []
    lines = [f"  held out ({held.where}): rms error of log loss {held.rms_log_error:.2%}"]
    for row in held.rows[:12]:
        lines.append(
            f"    {row.run_id or f'row {row.row}':14s} observed {row.observed:.4f}  "
            f"predicted {row.predicted:.4f}{_between(row.interval)}"
        )
    if len(held.rows) > 12:
        lines.append(f"    and {len(held.rows) - 12} more")
    return lines


def _form(entry):
    reference = entry.reference or entry.parameters.get("reference")
    if reference and entry.law in THROUGH_MINIMA:
        return THROUGH_MINIMA[entry.law].format(reference)
    return form(entry.law) if entry.law in names() else ""


def _status(entry):
    agree = entry.status.agree
    said = "" if agree is None else f", {agree:.0%} of the starts followed agree"
    return entry.status.words + said


def _objective(entry):
    objective = entry.objective
    return objective.name + (f", delta {objective.delta:g}" if objective.delta else "")


def _new(entry):
    more = {k: v for k, v in entry.derived.items() if k not in entry.parameters}
    return {k: v for k, v in more.items() if isinstance(v, int | float)}


def _shown(parameters):
    return {k: v for k, v in parameters.items() if v is not None and k != "reference"}


def _ahead(entry):
    ahead = entry.ahead
    if not ahead:
        return ""
    between = " ({:.4f} to {:.4f})".format(*ahead.interval) if ahead.interval else ""
    return f"{ahead.loss:.4f}{between}"


def _between(interval):
    if not interval or None in interval:
        return ""
    return f"  (95 %: {interval[0]:.4g} to {interval[1]:.4g})"
