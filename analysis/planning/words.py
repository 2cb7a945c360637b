"""A plan in words, for the terminal."""

from analysis.planning.devices import span
from analysis.planning.make import Plan, warning

FORMS = {"lr": ".3g", "batch": ".3g", "steps": ",.0f", "size": ".3g", "tokens": ".3g"}
LABELS = {
    "size": "model size",
    "tokens": "tokens",
    "steps": "steps",
    "lr": "learning rate",
    "batch": "batch",
    "loss": "loss",
}
LAWS = {
    "forecast": "the law through the budgets that is nearest to the forecast (intervals: of all)",
    "chinchilla": "Chinchilla's law through all runs",
}
INFERENCE = {
    "size": "model size",
    "tokens": "tokens",
    "training": "to train",
    "inference": "to serve",
    "total": "FLOPs in all",
    "optimal_total": "best to train",
    "saved": "saved by it",
}
UNITS = {"size": " parameters", "batch": " clips"}


def lines(planned: Plan) -> list[str]:
    """The lines of a plan, for a reader who sees one for the first time."""
    found = [*_head(planned), *_table(planned), "", *_cost(planned.cost)]
    found += [*_inference(planned.inference), *_off_size(planned.off_size)]
    if warning(planned):
        found += ["", warning(planned)]
    return found


def _head(planned):
    if planned.target_loss is None:
        return [f"The best use of {planned.flops:.3g} FLOPs, by {LAWS[planned.law]}:"]
    low_high = _between(planned.compute.interval, ".3g")
    return [
        f"The least compute for a loss of {planned.target_loss:g}, by {LAWS[planned.law]}: "
        f"{planned.compute.value:.3g} FLOPs{low_high}",
        "There:",
    ]


def _table(planned):
    settings = planned.training
    known = vars(planned) | (vars(settings) if settings else {})
    for name in ("size", "tokens", "steps", "lr", "batch", "loss"):
        if answer := known.get(name):
            form = FORMS.get(name, ".4f")
            value = f"{answer.value:{form}}{UNITS.get(name, '')}"
            yield f"  {LABELS[name]:14s}{value:22s}{_between(answer.interval, form)}".rstrip()
    if settings:
        yield f"  (learning rate and batch: {settings.by})"
    else:
        yield "  (steps, learning rate and batch: give the runs, --table results.csv)"
    for other in planned.beside:
        yield (
            f"  for comparison, {LAWS[other.law]}: size {other.size.value:.3g}, tokens "
            f"{other.tokens.value:.3g}, loss {other.loss.value:.4f}"
            f"{_between(other.loss.interval, '.4f')}"
        )


def _between(interval, form):
    if interval is None:
        return ""
    low, high = (format(end, form) if end is not None else "no bound" for end in interval)
    return f"  (95 %: {low} to {high})"


def _cost(cost):
    peak = f"{cost.peak / 1e12:g} TFLOP/s at best, {cost.mfu:.0%} of it used"
    yield f"On {cost.devices} x {cost.device} ({peak}): {_hours(cost)}"


def _hours(cost):
    time = span(cost.wall_hours)
    if cost.devices > 1:
        time = f"{cost.gpu_hours:,.3g} GPU-hours, {time} on all of them"
    if cost.usd is None:
        return f"{time}; what that costs: give --price, USD per GPU-hour"
    usd = format(cost.usd, ",.0f" if cost.usd >= 100 else ".2g")
    return f"{time}; {usd} USD at {cost.price:g} USD per GPU-hour"


def _inference(found):
    if found is None:
        return
    yield ""
    what = f"{found.inference_tokens:.3g} inference tokens, by Chinchilla's law"
    yield f"Cheapest at a loss of {found.loss.value:.4f} with {what}:"
    for name, label in INFERENCE.items():
        form = ".0%" if name == "saved" else ".3g"
        answer = getattr(found, name)
        yield f"  {label:14s}{answer.value:{form}}{_between(answer.interval, form)}"
    if (found.beyond or 0) > 1:
        times = f"{found.beyond:.3g} times as many tokens per parameter as any run fitted"
        yield f"  warning: {times}; what is said of them, nothing here shows"


def _off_size(off):
    if off is None:
        return
    yield ""
    yield f"What a size off the best one costs at the same compute, by {off.by}:"
    for row in off.rows:
        if row.times != 1:
            value = f"loss {row.penalty.value:+.1%}{_between(row.penalty.interval, '.1%')}"
            lost = f"as if {row.wasted.value:.0%} of the compute were lost"
            yield f"  {row.times:>4g} x the size  {value:40s} {lost}"
