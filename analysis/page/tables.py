"""The sections of the page that list things: runs, commands."""

import pathlib

import pandas as pd

from analysis.figures import axes, style
from analysis.fitting.result import Fit
from analysis.page import elements
from analysis.verdict.rule import Verdict

LISTED = 1000  # runs up to which all are listed
MOST = 7  # budgets whose videos are shown


def along(fit: Fit) -> list[tuple[str, str]]:
    """(name, run_id) of the best run at every budget; of many, MOST evenly over them."""
    budgets = fit.budgets
    at = sorted({round(i * (len(budgets) - 1) / (MOST - 1)) for i in range(MOST)})
    chosen = at if len(budgets) > MOST else range(len(budgets))
    names = axes.multiples(fit)
    return [(names[i], budgets[i].best_run) for i in chosen]


def runs_section(rows: pd.DataFrame, fit: Fit, judged: Verdict, notes: list[str]) -> str:
    """Every run, or of many the best of each budget, folded away, with their marks."""
    head = [
        "budget",
        "size",
        "params",
        "tokens",
        "steps",
        "seed",
        "passes",
        "loss",
        "train loss",
        "wall s",
        "run",
        "marks",
    ]
    names = dict(zip([b.flops for b in fit.budgets], axes.multiples(fit), strict=True))
    marked = {
        "best": {budget.best_run for budget in fit.budgets},
        "repeats": set(judged.evidence.overfit.repeats),
        "over-fits": set(judged.evidence.overfit.overfit),
    }
    shown, words = _shown(rows, fit.columns["loss"])
    each = shown.astype({"run_id": str}).iterrows()  # a row of numbers alone would be of floats
    body = [_run_row(row, fit, names, marked) for _, row in each]
    asked = fit.row_filter.flags()
    chosen = [f"Of the table the rows of analysis.fit{asked} alone"] * bool(asked)
    gone = [gone.line for gone in fit.dropped] or notes  # a fit names what notes count
    said = (*chosen, *gone)
    left_out = "".join(f"<p>{elements.escape(note)}.</p>" for note in said)
    return elements.section(
        "runs",
        "All runs" if len(shown) == len(rows) else "The best runs",
        left_out,
        f"<details><summary>{words}</summary>{elements.table(head, body)}</details>",
    )


def _shown(rows, loss):
    """The runs that are listed, and what is said of them."""
    if len(rows) <= LISTED:
        return rows, f"Show {len(rows)} runs"
    each = max(1, LISTED // rows["flops_budget"].nunique())
    rank = rows.groupby("flops_budget")[loss].rank(method="first")
    return rows[rank <= each], (
        f"Show the {each} runs of lowest loss at each budget; the table has all {len(rows):,}"
    )


def _run_row(row, fit, names, marked):
    run_id = str(row["run_id"])
    marks = [word for word, runs in marked.items() if run_id in runs]
    loss = row[fit.columns["loss"]]
    cells = [
        names[row["flops_budget"]],
        _text(row, "size"),
        style.short(row[fit.columns["params"]]),
        style.short(row["tokens"]),
        f"{row['steps']:.0f}" if "steps" in row else "",
        _text(row, "seed"),
        f"{row['epochs']:.2g}" if "epochs" in row else "",
        f"{loss:.4f}",
        f"{row['loss_train']:.4f}" if "loss_train" in row else "",
        f"{row['wall_s']:.0f}" if "wall_s" in row else "",
        f"<code>{elements.escape(run_id)}</code>",
        ", ".join(marks),
    ]
    return [str(cell) for cell in cells]


def _text(row, column):
    return elements.escape(row[column]) if column in row and pd.notna(row[column]) else ""


def again_section(root: pathlib.Path, sweep: str, table: str, flags: str) -> str:
    """The commands that make this page again, of the file `table`; `flags` name its columns."""
    trained = [
        "make demo                    # all of it, from an empty folder",
        "make demo VIDEOS=my_videos   # the same on your own videos",
        "",
        f"python -m sweeps.launch --sweep sweeps/{sweep}.py --root {root}",
        f"python -m analysis.collect --root {root} --out {table}",
    ]
    lines = [
        *(trained if sweep else []),  # another's table names no sweep
        f"python -m analysis.fit {table}{flags} --out {root}/fit.json",
        f"python -m analysis.plan {root}/fit.json --flops 1e15",
        f"python -m analysis.report {table} --out {root}/report.html",
    ]
    return elements.section(
        "again", "Run it again", f"<pre><code>{elements.escape(chr(10).join(lines))}</code></pre>"
    )


def method_section(fit: Fit) -> str:
    """How the intervals came about, folded away."""
    noise = fit.noise
    if noise is None:
        spread = "No noise between runs could be measured, so there are no intervals."
    else:
        seeds = f"{noise.seeds_sd:.3%}" if noise.seeds_sd is not None else "not measured"
        spread = (
            f"Runs scatter about the curves of their budgets by {noise.sd:.3%} (standard "
            f"deviation; {noise.smallest:.3%} at the smallest budget, {noise.largest:.3%} at "
            f"the largest; {noise.df:.3g} degrees of freedom; between seeds alone: {seeds}). "
        )
        if noise.misfit is not None and noise.misfit < 0.01:
            spread += "That is more than between seeds: the curves miss something. "
    columns = fit.columns
    text = (
        f"{spread}Intervals are Student's: that scatter, passed through the curves, outliers "
        "counting less, and widened where minima scatter about a law by more. Laws of compute are "
        "weighed over their shapes, not fitted at one. How often such intervals hold the truth was "
        "measured on planted sweeps (analysis.calibrate). All runs are measured on the same "
        "validation clips, noise levels and noises; other clips would move all points together. "
        f"Losses are those of column {columns['loss']}, sizes of {columns['params']}. FLOPs are "
        "true operations, two for each multiply-accumulate. In forecasts laws weigh by the density "
        "that they gave to budgets they had not seen."
    )
    details = f"<details><summary>In detail</summary><p>{elements.escape(text)}</p></details>"
    return elements.section("method", "How the intervals are made", details)
