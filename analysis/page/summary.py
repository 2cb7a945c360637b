"""The top of the page: what was run, the verdict, key numbers, warnings."""

import pandas as pd

from analysis.figures import axes
from analysis.fitting.result import Fit
from analysis.page import elements
from analysis.verdict.rule import Verdict

# Warnings on a budget that change how far its minimum can be trusted.
MARKED = ("edge", "few_sizes", "no_minimum")


def head(rows: pd.DataFrame, sweep: str) -> str:
    """Title and one line on what was run."""
    where = _values(rows, "device")
    facts = [
        f"{len(rows)} runs at {rows['flops_budget'].nunique()} budgets",
        f"data: {_values(rows, 'dataset') or 'unnamed'}",
        f"on {where}" if where else "",
        f"{rows['wall_s'].sum() / 60:.0f} minutes of training" if "wall_s" in rows else "",
    ]
    line = " · ".join(elements.escape(fact) for fact in facts if fact)
    return (
        f"<h1>Does more compute give better video?</h1>\n"
        f'<p class="sub">{f"Sweep {elements.escape(sweep)} · " if sweep else ""}{line}</p>'
    )


def _values(rows, column):
    return ", ".join(map(str, rows[column].dropna().unique()[:2])) if column in rows else ""


def verdict(judged: Verdict) -> str:
    """The verdict in one sentence; what else stands in its way and the runs proposed, folded."""
    word, rest = judged.sentence.split(":", 1)
    return (
        f'<div class="verdict {judged.word}" id="verdict"><b>Verdict</b>'
        f"<strong>{elements.escape(word)}:</strong>{elements.escape(rest)}{_next(judged)}</div>"
    )


def _next(judged):
    if judged.next_ is None:
        return ""
    reasons = "".join(f"<li>{elements.escape(reason)}</li>" for reason in judged.reasons)
    rows = [[f"{r.flops:.3g}", f"{r.size:,.0f}", r.seeds] for r in judged.next_.proposal.runs]
    runs = elements.table(["FLOPs", "size", "seeds"], rows) if rows else ""
    return (
        f"<details><summary>All that stands in the way{', and the runs' if rows else ''}</summary>"
        f"<ol>{reasons}</ol>{runs}</details>"
    )


def numbers(rows: pd.DataFrame, fit: Fit, judged: Verdict) -> str:
    """Key numbers in tiles."""
    first, last = fit.budgets[0], fit.budgets[-1]
    pairs = [
        (
            f"{first.loss:.3f} → {last.loss:.3f}",
            f"best loss, 1× to {axes.multiples(fit)[-1]} compute",
        ),
    ]
    if gain := judged.evidence.gain:
        pairs.append((f"{gain.gain:.1%}", f"lower loss for {gain.ratio:.0f}× more compute"))
    if check := judged.evidence.prediction:
        share = check.miss / check.no_change_miss if check.no_change_miss else 1.0
        pairs.append(
            (f"{share:.0%}", "the prediction's miss, as a share of what “no change” misses")
        )
    if scores := judged.evidence.scores:
        better = f"{sum(score.improves for score in scores)} of {len(scores)}"
        pairs.append((better, "scores that the verdict reads got better by more than their error"))
    if "psnr" in rows.columns and rows["psnr"].notna().any():
        pairs.append((f"{rows['psnr'].median():.1f} dB", "PSNR of the autoencoder, held-out clips"))
    pairs += _overlap(rows)
    if "data_wait" in rows.columns and rows["data_wait"].notna().any():
        pairs.append((f"{rows['data_wait'].median():.1%}", "of a step spent waiting for data"))
    if "epochs" in rows.columns:
        pairs.append((f"{rows['epochs'].max():.2g}", "most passes of a run over its data"))
    return elements.tiles(pairs)


def _overlap(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """How many windows of validation are nearly training's, where that was looked for."""
    columns = ("near_duplicates", "validation_windows", "near_duplicates_kept", "validation_still")
    if any(name not in rows or rows[name].isna().all() for name in columns):
        return []
    found, every, kept, still = (int(rows[name].max()) for name in columns)
    fate = ("kept" if kept else "left out") if found else "none to leave out"
    words = f"validation windows nearly seen in training, {fate}"
    return [(f"{found:,} of {every:,}", words + (f"; {still:,} stand still" if still else ""))]


def marks(rows: pd.DataFrame, fit: Fit, judged: Verdict) -> str:
    """Warnings that change how far the curve can be trusted."""
    found, overfit, count = [], judged.evidence.overfit, len(rows)
    names = dict(zip([b.flops for b in fit.budgets], axes.multiples(fit), strict=True))
    if overfit.budgets:
        at = ", ".join(names[f] for f in overfit.budgets)
        found.append(
            f"<b>Over-fitting at {at}.</b> The best run passed over its videos more than 4 times "
            "and its validation loss lies well above its training loss: more compute is spent on "
            "remembering, so the curve bends for want of data."
        )
    elif overfit.overfit or overfit.repeats:
        found.append(
            "<b>Repeated data.</b> Runs that passed over their videos more than 4 times: "
            f"{len(overfit.repeats)} of {count} (at most {overfit.most_epochs:.3g} times); "
            f"of these over-fit: {len(overfit.overfit)}. Small models suffer "
            "first, which bends their side of the curves."
        )
    if overfit.rises:
        at = ", ".join(names[f] for f in overfit.rises)
        found.append(f"<b>The best loss rises at {at}</b> by more than the noise between runs.")
    if "near_duplicates_kept" in rows and rows["near_duplicates_kept"].max() > 0:
        found.append(
            "<b>Validation holds near-duplicates of training windows.</b> Who remembers them has a "
            "lower loss, the more so the longer it trains: the curve bends with what leaked."
        )
    for flag in fit.warnings:
        if flag.kind in MARKED:
            where, _, what = flag.sentence.partition(": ")
            where = names.get(flag.budget, elements.escape(where))  # or a law's name
            found.append(f"<b>{where}: {elements.escape(what)}.</b>")
    return "".join(f'<div class="mark">{text}</div>' for text in found)
