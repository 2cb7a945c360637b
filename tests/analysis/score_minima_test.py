"""The best size of each budget by a score: planted ones are held, and where none is, none told."""

import dataclasses
import math
import re
from types import SimpleNamespace

import numpy as np
import pytest

from analysis.page import scores
from analysis.scores import curve, minima, words
from tests.analysis.scores_test import BEST, sweep


def test_the_best_size_of_each_budget_by_a_score_holds_the_planted_one():
    """1.5 times the best by loss, of scores of any sign that are better when higher."""
    shift, rng, held = math.log(1.5), np.random.default_rng(5), []
    for _ in range(25):
        table, fit = sweep(lambda c, u: 0.1 * c - 0.3 - 0.05 * (u - shift) ** 2, 0.01, rng=rng)
        for best, truth in zip(minima.best_sizes(table, fit, "M", False), 1.5 * BEST, strict=True):
            held.append(best.interval[0] <= truth <= best.interval[1])
    assert 0.9 <= np.mean(held) <= 0.995


def test_scores_without_a_minimum_say_why_at_each_budget():
    (worst,) = curve.curves(*sweep(lambda c, u: 0.1 * c + 0.2 * u**2))
    assert all(one.size is None and "bends down" in one.why for one in worst.best_sizes)
    (away,) = curve.curves(*sweep(lambda c, u: 0.1 * c - 0.05 * (u - 2) ** 2, error=1e-4))
    assert {one.why for one in away.best_sizes} == {"the minimum lies outside of the sizes"}
    fit = sweep(lambda c, u: 0.1 * c + 0.2 * u**2)[1]
    assert words.sizes([worst], fit)[-1] == "no minimum at any budget: M"


def test_best_sizes_of_many_budgets_go_below_each_other_and_lists_of_scores_wrap():
    table, fit = sweep(lambda c, u: 0.1 * c - 0.05 * u**2)
    found = curve.curves(table, fit)
    found += [dataclasses.replace(found[0], name=f"flat{n}", best_sizes=()) for n in range(40)]
    text = words.sizes(found, fit)
    assert max(map(len, text)) <= words.WIDTH
    heads = [line for line in text if line.startswith("best size at")]
    told = [float(cell) for line in heads for cell in line.split()[5:]]
    assert told == pytest.approx([budget.flops for budget in fit.budgets], rel=0.01)
    assert " ".join(text).count("flat") == 40


def test_the_page_has_the_best_sizes_by_each_score():
    table, fit = sweep(lambda c, u: 0.1 * c - 0.05 * u**2)
    found, judged = curve.curves(table, fit), SimpleNamespace(evidence=SimpleNamespace(scores=()))
    flat = dataclasses.replace(found[0], name="flat", best_sizes=())
    page = scores.section([*found, flat], fit, judged)
    assert "No minimum at any budget: flat." in page
    (row,) = re.findall(r"<tr><td>M</td>(?:<td>[^<]* \*/[^<]*</td>){7}</tr>", page)
    assert float(re.findall(r"<td>([\d.e+]+) ", row)[3]) == pytest.approx(BEST[3], rel=0.2)
