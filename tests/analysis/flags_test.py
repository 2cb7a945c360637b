"""What makes the minima of a sweep untrustworthy is flagged, each kind by its name."""

import numpy as np
import pandas as pd
import pytest

from analysis.figures import methods as figure
from analysis.figures import style
from analysis.fitting.budgets import minimum_of
from analysis.fitting.result import Fit
from analysis.frontier import flags, forecast, isoflop, minima
from tests.analysis.envelope_test import COLUMNS
from tests.analysis.synthetic_sweep import SMALLEST, make_rows

SIZES = np.geomspace(1e4, 1.6e5, 6)


def budgets(curves):
    """The isoFLOP curves of [(flops, sizes, losses)]."""
    rows = [
        {"flops_budget": flops, "params": n, "loss": loss, "run_id": "x"}
        for flops, sizes, losses in curves
        for n, loss in zip(sizes, losses, strict=True)
    ]
    return isoflop.fit_budgets(pd.DataFrame(rows), "loss", "params").budgets


def kinds(curves, noise=None):
    return {flag.kind for flag in flags.of_budgets(budgets(curves), noise)}


def lopsided(sizes, flops, alpha=0.46, beta=0.26):
    return 0.3 + 30 * sizes**-alpha + 15 * (flops / (6 * sizes)) ** -beta


def lopsided_sweep(centres, reach=4.0):
    """Six budgets of seven sizes within `reach` of the best size times `centres`."""
    found = []
    for step, centre in enumerate(centres):
        flops = SMALLEST * 2**step
        best = (0.46 * 30 / (0.26 * 15)) ** (1 / 0.72) * (flops / 6) ** (0.26 / 0.72)
        sizes = best * centre * np.geomspace(1 / reach, reach, 7)
        found.append((flops, sizes, lopsided(sizes, flops)))
    return found


def exponent(curves):
    found = budgets(curves)
    sizes = [one.minimum[0] for one in found]
    return np.polyfit(np.log([one.flops for one in found]), np.log(sizes), 1)[0]


def test_a_centred_grid_gives_the_exponent_and_one_that_drifts_off_centre_does_not():
    true = 0.26 / 0.72
    centred, drifting = lopsided_sweep(np.ones(6)), lopsided_sweep(np.geomspace(1, 3, 6))
    assert exponent(centred) == pytest.approx(true, abs=0.005)
    assert exponent(drifting) < true - 0.01
    assert kinds(centred) == set()
    assert kinds(drifting) == {"off_centre", "drift"}
    said = flags.of_budgets(budgets(drifting))[0]
    assert said.budget in [flops for flops, _, _ in drifting[-2:]]
    assert f"budget {said.budget:.3g}: the minimum lies near the smallest size" in said.sentence


def test_off_centre_by_the_same_share_everywhere_is_flagged_in_every_budget():
    found = flags.of_budgets(budgets(lopsided_sweep(np.full(6, 2.7))))
    assert [flag.kind for flag in found] == ["off_centre"] * 6


def test_a_truncated_sweep_is_flagged():
    whole = lopsided_sweep(np.ones(6))
    assert kinds(whole[:3]) == {"short"}
    (gap,) = flags.of_budgets(budgets(whole[:2] + whole[4:]))
    assert (gap.kind, gap.budget) == ("gap", whole[4][0])
    flops, sizes, losses = whole[-1]
    assert "fewer_sizes" in kinds([*whole[:-1], (flops, sizes[:5], losses[:5])])
    ladder = np.geomspace(3e2, 2e5, 8)  # the same sizes for every budget: the best one leaves them
    steps = SMALLEST * 8.0 ** np.arange(-1, 6)
    fixed = [(flops, ladder, lopsided(ladder, flops)) for flops in steps]
    assert {"edge", "off_centre", "drift"} <= kinds(fixed)


def test_sizes_too_close_too_far_or_too_few_are_flagged():
    assert kinds(lopsided_sweep(np.ones(6), reach=1.5)) == {"narrow"}
    assert kinds(lopsided_sweep(np.ones(6), reach=8)) == {"wide"}
    found = lopsided_sweep(np.ones(6), reach=2)
    first = budgets(found)[0]
    rise = np.log(first.losses[[0, -1]] / first.minimum[1]).min()
    assert "flat" in kinds(found, noise=rise / 2)
    assert "flat" not in kinds(found, noise=rise / 10)
    assert "few_sizes" in kinds([(1e12, SIZES[:2], [0.5, 0.6])])
    assert "no_minimum" in kinds([(1e12, SIZES[:5], [0.50, 0.60, 0.49, 0.60, 0.50])])


def test_the_figure_shows_every_method_and_the_held_out_budgets():
    rows = pd.DataFrame(make_rows(6, noise=0.002))
    every, found = minima.measure(rows, "loss_ema", "params")
    tried = forecast.outlook(found, rows, COLUMNS).trials
    budgets = tuple(minimum_of(budget, found) for budget in every)
    fit = Fit("frontier", {}, {"loss": "loss_ema"}, budgets=budgets, rollout=tried)
    for size in (style.WIDE, style.NARROW):
        drawn = figure.methods(rows, fit, style.LIGHT, size)
        left, _ = drawn.axes
        lines = {line.get_label(): line for line in left.lines}
        assert set(tried.rms) | {"fitted", "held out", "a run"} <= set(lines)
        assert list(lines["held out"].get_xdata()) == [one.flops for one in every[-2:]]
        assert style.png(drawn, style.LIGHT)[:4] == b"\x89PNG"
