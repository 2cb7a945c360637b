"""What the rule says of planted sweeps whose last budget was predicted from the others.

Scores are taken as improving: they are judged apart from the loss. Beside the verdicts: the rms
error of the forecast of a budget that no fit saw, and how often moving one run turns a verdict.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.calibration import designs, frontier, table
from analysis.calibration.designs import Design
from analysis.calibration.frontier import COLUMNS
from analysis.fitting import budgets as entries
from analysis.fitting.result import Fit
from analysis.frontier import forecast, laws, minima, prediction
from analysis.verdict import rule

SCORE = {"quality": 0.5, "quality_se": 0.01, "quality_real": 1.0}
MOVED = 0.5  # noise deviations by which a run is moved
WORDS = ("supported", "refuted", "undecided")


def run(
    sweeps: int,
    seed: int,
    chosen: Sequence[designs.Design],
    workers: int | None = None,
    progress: Callable[[Iterable, int], Iterable] = lambda results, total: results,
    kept: str | None = None,
) -> list[dict[str, Any]]:
    """A row for each design: shares of verdicts, what blocked, rms errors of forecasts."""
    found = {design.name: [] for design in chosen}
    for name, judged in table.shared(_chunk, sweeps, seed, chosen, workers, progress, kept):
        found[name] += judged
    return [_row(name, judged) for name, judged in found.items() if judged]


def _chunk(job):
    design, seed, first, last = job
    streams = [table.stream(design, seed, index) for index in range(first, last)]
    return design.name, [_one(design, designs.sweep(design, rng)) for rng in streams]


def _one(design, sweep):
    runs = _scored(frontier.seen(design, sweep))
    whole = forecast.outlook(minima.measure(runs, "loss", "params")[1], runs, COLUMNS)
    judged = verdict(design, runs, whole)
    return judged.word, judged.blocks, frontier.errors(design, whole)


def _row(name, judged):
    words, blocks = Counter(), Counter()
    for word, its, _ in judged:
        words[word] += 1
        blocks.update(its)
    row = {"design": name, "sweeps": len(judged)}
    row |= {word: round(words[word] / len(judged), 4) for word in WORDS}
    row |= {
        f"blocked by {b}": round(blocks[b] / len(judged), 4) for b in ("gain", "wide", "missed")
    }
    errors = pd.DataFrame([its for _, _, its in judged])
    rms = np.sqrt((errors**2).mean())
    return row | {f"rms {name}": float(f"{value:.4g}") for name, value in rms.items()}


def verdict(
    design: Design, runs: pd.DataFrame, whole: forecast.Outlook | None = None
) -> rule.Verdict:
    """The verdict on a table of runs, its largest budget predicted from the others."""
    largest = runs["flops_budget"].max()
    before = runs[runs["flops_budget"] < largest * (1 - 1e-9)]
    said = replace(prediction.predict(before, design.factor, "loss", "params"), created=0.0)
    budgets, found = minima.measure(runs, "loss", "params")
    whole = whole or forecast.outlook(found, runs, COLUMNS)
    fit = Fit(
        law="",
        laws={},
        columns={"loss": "loss", "params": "params"},
        noise=found.noise,
        estimator=found.estimator,
        budgets=tuple(entries.minimum_of(budget, found) for budget in budgets),
        size_law=laws.fit_size(found),
        gain=whole.gain(),
        forecasts=(whole.at(2 * largest),),
    )
    return rule.judge(runs, fit, said)


def flips(
    sweeps: int,
    seed: int,
    chosen: Sequence[designs.Design],
    workers: int | None = None,
    progress: Callable[[Iterable, int], Iterable] = lambda results, total: results,
    kept: str | None = None,
) -> dict[str, list[list[bool]]]:
    """{design: whether each move turned the verdict, of each sweep}.

    Every run of every sweep is moved by MOVED, up and down.
    """
    found = {design.name: [] for design in chosen}
    for name, turns in table.shared(_flips, sweeps, seed, chosen, workers, progress, kept, chunk=1):
        found[name] += turns
    return found


def _flips(job):
    design, seed, first, last = job
    sweeps = [designs.sweep(design, table.stream(design, seed, i)) for i in range(first, last)]
    return design.name, [list(_turns(design, sweep)) for sweep in sweeps]


def _turns(design, sweep):
    runs = _scored(frontier.seen(design, sweep))
    first = verdict(design, runs).word
    for row in runs.index:
        for sign in (-1, 1):
            moved = runs.copy()
            moved.loc[row, "loss"] *= np.exp(sign * MOVED * design.noise)
            yield verdict(design, moved).word != first


def _scored(runs):
    """With a score that improves, and a start after the prediction was made."""
    rise = 0.1 * np.log(runs["flops"] / runs["flops"].min())
    return runs.assign(**SCORE, started=1.0).assign(quality=SCORE["quality"] + rise)
