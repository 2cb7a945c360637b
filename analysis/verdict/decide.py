"""The runs that would decide an undecided verdict at the least cost.

Every block of the rule gets proposals; the cheapest with the chance asked for is taken, and those
that share runs are planned together: a new held-out budget moves the pair of budgets the gain is
taken over, so seeds are then planned for the new pair.
"""

import math
from typing import Any

import pandas as pd

from analysis.planning.devices import span
from analysis.verdict import proposals, seeds, video_scores
from analysis.verdict.gain import budget_pair, nearest_span
from analysis.verdict.thresholds import CHANCE, SENSIBLE

HELD_OUT = ("unpredicted", "late", "wide", "missed", "span")


def next_runs(
    rows: pd.DataFrame, fit: dict[str, Any], found: dict[str, Any], blocks: list[str]
) -> dict[str, Any]:
    """The steps that remove `blocks` at the least cost: `steps`, `flops`, `sentence`, ...

    `decides` is False where no sensible effort does: at a cost above SENSIBLE times all compute
    spent so far, or where nothing tried reaches CHANCE.
    """
    needed = _needed(found["gain"], blocks)
    steps = [*_data(rows, fit, found, needed), *_runs(rows, fit, found["gain"], needed)]
    steps += _scores(rows, found["scores"], needed)
    removed = {block for step in steps for block in step["removes"]}
    stuck = [block for block in needed if block not in removed]
    weak = [step for step in steps if step["chance"] is not None and step["chance"] < CHANCE]
    flops = sum(step["flops"] for step in steps)
    spent = float(rows["flops"].sum())
    sensible = not stuck and not weak and flops <= SENSIBLE * spent
    hours = [step["gpu_hours"] for step in steps]
    known = [step["chance"] for step in steps if step["chance"] is not None]
    plan = {
        "steps": steps,
        "removes": [block for block in needed if block in removed],
        "stuck": stuck,
        "flops": flops,
        "times_spent": flops / spent,
        "gpu_hours": None if None in hours else sum(hours),
        "device": next((step["device"] for step in steps if step["device"]), None),
        "chance": math.prod(known) if known else None,
        "decides": sensible,
    }
    return plan | {"sentence": _sentence(plan)}


def _needed(gain, blocks):
    """What has to go: where the gain looks too small, only what stands against "refuted"."""
    if gain is not None and gain["gain"] < gain["minimum"]:
        return [block for block in blocks if block in ("overfit", "rises", "gain")]
    return blocks


def _data(rows, fit, found, needed):
    if "overfit" in needed:
        yield proposals.more_videos(rows, found["overfit"])
    if "rises" in needed:
        yield proposals.steadier_runs(rows, fit, found["overfit"])


def _scores(rows, scores, needed):
    if "unscored" in needed:
        return [proposals.first_scores(rows)]
    if "scores" not in needed:
        return []
    clips = proposals.more_clips(rows, scores, video_scores.level(len(scores)))
    return [clips] if clips else []


def _runs(rows, fit, gain, needed):
    """Noise first, then a held-out budget where one is needed, then seeds for the gain."""
    if fit["noise"] is None:
        return [proposals.measure_noise(rows, fit)]
    limit = SENSIBLE * float(rows["flops"].sum())
    seeds_alone = _seeds(rows, fit, gain, limit) if "gain" in needed else []
    if not any(block in needed for block in HELD_OUT):
        return seeds_alone
    factor = proposals.step_to(fit)
    high = proposals.budget_ahead(fit, factor)
    used = [b for b in fit["budgets"] if b["estimator"] == fit["estimator"]]
    if len(used) < 2:
        return [proposals.second_budget(rows, fit, factor)]
    low = nearest_span(used, high["flops"])
    if low is None:
        return seeds_alone
    ratio = high["flops"] / low["flops"]
    fall, error, pair_se = _expected(fit, gain, ratio)
    repeats, extra = seeds.narrow_prediction(rows, fit, factor, fall, error)
    if repeats is None:
        return seeds_alone
    pair = low | {"seeds": [count + extra for count in low["seeds"]]}, high
    more = seeds.more_seeds(rows, fit, pair, fall, ratio, error, pair_se, limit)
    steps = [repeats, proposals.next_budget(rows, fit, factor), more]
    return [step for step in steps if step["runs"]]


def _seeds(rows, fit, gain, limit):
    known = gain["fall"], gain["ratio"], gain["error"], gain["pair_se"]
    return [seeds.more_seeds(rows, fit, budget_pair(fit), *known, limit)]


def _expected(fit, gain, ratio):
    """Fall of log loss over `ratio` of compute, its error, its paired error: as so far."""
    if gain is not None:
        fall = gain["fall"] * math.log(ratio) / math.log(gain["ratio"])
        return fall, gain["error"], gain["pair_se"]
    power = fit["laws"]["power"].get("parameters")
    return (power["g"] if power else 0.0) * math.log(ratio), 2 * fit["noise"]["sd"], 0.0


def _sentence(plan):
    if not plan["steps"]:
        return "Nothing that was tried would decide it."
    do, cost = "; then ".join(step["do"] for step in plan["steps"]), _cost(plan)
    chance = f"chance {plan['chance']:.0%}" if plan["chance"] else ""
    if plan["decides"]:
        return f"At the least cost it would be decided so: {do} ({cost}{chance and ', '}{chance})."
    if plan["stuck"]:
        return f"A first step: {do} ({cost}); what else it takes shows then."
    times = f"{plan['times_spent']:.3g} times all compute spent so far"
    return f"Nothing sensible would decide it: even {cost}, {times}, may not ({chance})."


def _cost(plan):
    if plan["flops"] == 0:
        return "no training"
    hours, device = plan["gpu_hours"], plan["device"]
    time = "" if hours is None else f", about {span(hours)} on {device or 'the same device'}"
    return f"{plan['flops']:.2g} FLOPs{time}"
