"""The page of very many runs: what is drawn once or not listed, and that it is said."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from analysis.figures import points
from analysis.fitting.result import Fit
from analysis.page import tables

RUNS = 3000


def test_all_points_are_drawn_up_to_the_most():
    x = np.geomspace(1, 1e3, points.MOST)
    assert points.drawn(x, x).all()
    assert points.words(points.MOST) == ""


def test_of_very_many_points_each_spot_has_one():
    rng = np.random.default_rng(0)
    x = np.exp(rng.normal(0, 1, 20_000))
    y = x**-0.2 * np.exp(0.01 * rng.standard_normal(20_000))
    kept = points.drawn(x, y)
    assert kept.sum() < 1000
    for one in (x, y):
        log = np.log(one)
        gaps = np.abs(log[:500, None] - log[kept]) / np.ptp(log)
        assert gaps.min(1).max() < 1 / points.SPOTS
    assert "20,000 runs; those that fall on one spot" in points.words(len(x))


def test_the_best_runs_of_each_budget_are_listed_and_that_is_said():
    loss = np.random.default_rng(0).permutation(RUNS) / RUNS + 1
    rows = pd.DataFrame({"run_id": np.arange(RUNS), "loss": loss})
    flops = np.repeat([1e9, 2e9, 4e9], 1000)
    rows = rows.assign(flops_budget=flops, params=1e6, tokens=1e9, steps=10)
    budgets = tuple(SimpleNamespace(flops=c, best_run="0") for c in (1e9, 2e9, 4e9))
    fit = Fit("frontier", {}, {"loss": "loss", "params": "params"}, budgets=budgets)
    overfit = SimpleNamespace(repeats=[], overfit=[])
    judged = SimpleNamespace(evidence=SimpleNamespace(overfit=overfit))
    page = tables.runs_section(rows, fit, judged, [])
    assert page.count("<tr>") == 1 + 3 * 333
    assert "the 333 runs of lowest loss at each budget; the table has all 3,000" in page
    assert f"<code>{loss[:1000].argmin()}</code>" in page
    assert f"<code>{loss[:1000].argmax()}</code>" not in page
    few = tables.runs_section(rows[::10], fit, judged, [])
    assert "Show 300 runs" in few
    assert few.count("<tr>") == 301
