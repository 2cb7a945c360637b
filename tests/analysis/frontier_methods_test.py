"""Every way to the frontier finds a planted one, refuses maxima and flags what misleads it."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.interpolate import Akima1DInterpolator

from analysis.figures import methods as figure
from analysis.figures import style
from analysis.frontier import akima, flags, isoflop, methods, minima, rollout
from tests.analysis.envelope_test import curves
from tests.analysis.synthetic_sweep import ALPHA, BETA, SMALLEST, make_rows

COLUMNS = {
    "params": "params",
    "tokens": "tokens",
    "flops": "flops",
    "loss": "loss_ema",
    "group": "run_id",
}
SIZES = np.geomspace(1e4, 1.6e5, 6)


def budget(losses, sizes=SIZES, flops=1e12):
    return isoflop.fit_budget(flops, sizes, losses, [f"run{i}" for i in range(len(sizes))])


def kinds(budgets, noise=None):
    return {flag.kind for flag in flags.of_budgets(budgets, noise)}


def lopsided(sizes, flops, alpha=0.46, beta=0.26):
    return 0.3 + 30 * sizes**-alpha + 15 * (flops / (6 * sizes)) ** -beta


def lopsided_sweep(centres, reach=4.0):
    """Six budgets of seven sizes within `reach` of the best size times `centres`."""
    found = []
    for step, centre in enumerate(centres):
        flops = SMALLEST * 2**step
        best = (0.46 * 30 / (0.26 * 15)) ** (1 / 0.72) * (flops / 6) ** (0.26 / 0.72)
        sizes = best * centre * np.geomspace(1 / reach, reach, 7)
        found.append(budget(lopsided(sizes, flops), sizes, flops))
    return found


def exponent(budgets, minimum):
    sizes = [minimum(one)[0] for one in budgets]
    return np.polyfit(np.log([one.flops for one in budgets]), np.log(sizes), 1)[0]


def test_the_interpolants_lowest_point_is_found_exactly():
    rng = np.random.default_rng(0)
    for _ in range(50):
        x = np.sort(rng.uniform(0, 3, 6))
        y = rng.standard_normal((6, 4))
        places, values = akima.lowest(x, y)
        fine = np.linspace(x[0], x[-1], 20001)
        curve = Akima1DInterpolator(x, y, method="makima")
        assert (values <= curve(fine).min(0) + 1e-12).all()
        assert curve(places)[np.arange(4), np.arange(4)] == pytest.approx(values, abs=1e-9)


def test_akima_finds_a_minimum_between_the_sizes():
    losses = 0.5 * np.exp(0.02 * np.log(SIZES / 3.3e4) ** 2)
    assert akima.reason(budget(losses)) == ""
    size, loss = akima.minimum(budget(losses))
    assert size == pytest.approx(3.3e4, rel=0.05)
    assert loss == pytest.approx(0.5, rel=1e-3)
    sizes, along = akima.curve(budget(losses), 500)
    assert along.min() == pytest.approx(akima.minimum(budget(losses))[1], rel=1e-6)
    assert sizes[along.argmin()] == pytest.approx(akima.minimum(budget(losses))[0], rel=0.01)


@pytest.mark.parametrize(
    ("bend", "best"),
    [(-0.02, 4e4), (0.02, 0.5e4), (0.02, 4e5), (-0.02, 1e4), (-0.02, 1.6e5)],
)
def test_a_maximum_or_an_end_is_never_an_optimum(bend, best):
    found = budget(0.5 * np.exp(bend * np.log(SIZES / best) ** 2))
    assert "the minimum may lie" in akima.reason(found)
    assert akima.minimum(found)[1] == found.losses.min()
    assert found.reason
    assert len(methods.frontier([found], "akima", *planted())) == 0
    assert len(methods.frontier([found], "parabola", *planted())) == 0


def test_a_hump_between_two_dips_is_not_taken_either():
    found = budget(np.array([0.60, 0.50, 0.55, 0.54, 0.49, 0.60]))
    size, loss = akima.minimum(found)
    assert loss <= 0.49
    assert SIZES[3] < size < SIZES[5]
    assert "2 sizes" in akima.reason(budget(np.array([0.5, 0.6]), SIZES[:2]))


def test_a_centred_grid_gives_the_exponent_and_one_that_drifts_off_centre_does_not():
    true = 0.26 / 0.72
    centred, drifting = lopsided_sweep(np.ones(6)), lopsided_sweep(np.geomspace(1, 3, 6))
    assert exponent(centred, lambda one: one.minimum) == pytest.approx(true, abs=0.001)
    assert exponent(centred, akima.minimum) == pytest.approx(true, abs=0.001)
    assert exponent(drifting, lambda one: one.minimum) < true - 0.03
    assert exponent(drifting, akima.minimum) == pytest.approx(true, abs=0.01)
    assert kinds(centred) == set()
    assert kinds(drifting) == {"off_centre", "drift"}
    said = flags.of_budgets(drifting)[0]
    assert said.budget == drifting[-2].flops
    assert f"budget {said.budget:.3g}: the minimum lies near the smallest size" in said.sentence


def test_off_centre_by_the_same_share_everywhere_is_flagged_in_every_budget():
    found = flags.of_budgets(lopsided_sweep(np.full(6, 2.7)))
    assert [flag.kind for flag in found] == ["off_centre"] * 6


def test_a_truncated_sweep_is_flagged():
    whole = lopsided_sweep(np.ones(6))
    assert kinds(whole[:3]) == {"short"}
    (gap,) = flags.of_budgets(whole[:2] + whole[4:])
    assert (gap.kind, gap.budget) == ("gap", whole[4].flops)
    last = whole[-1]
    cut = budget(last.losses[:5], last.sizes[:5], last.flops)
    assert "fewer_sizes" in kinds([*whole[:-1], cut])
    ladder = np.geomspace(3e2, 2e5, 8)  # the same sizes for every budget: the best one leaves them
    steps = SMALLEST * 8.0 ** np.arange(-1, 6)
    fixed = [budget(lopsided(ladder, flops), ladder, flops) for flops in steps]
    assert {"edge", "off_centre", "drift"} <= kinds(fixed)


def test_sizes_too_close_too_far_or_too_few_are_flagged():
    assert kinds(lopsided_sweep(np.ones(6), reach=1.5)) == {"narrow"}
    assert kinds(lopsided_sweep(np.ones(6), reach=8)) == {"wide"}
    found = lopsided_sweep(np.ones(6), reach=2)
    rise = np.log(found[0].losses[[0, -1]] / found[0].minimum[1]).min()
    assert "flat" in kinds(found, noise=rise / 2)
    assert "flat" not in kinds(found, noise=rise / 10)
    assert "few_sizes" in kinds([budget(np.array([0.5, 0.6]), SIZES[:2])])
    assert "no_minimum" in kinds([budget(np.array([0.50, 0.60, 0.49, 0.60, 0.50]), SIZES[:5])])


def planted():
    return pd.DataFrame(make_rows(6, noise=0.0)), COLUMNS


def test_all_methods_stand_in_one_table_and_agree_on_planted_rows():
    rows, columns = planted()
    budgets = isoflop.fit_budgets(rows, "loss_ema", "params")
    found = methods.compare(rows, columns, budgets)
    true = BETA / (ALPHA + BETA)
    for name, off in (("parabola", 0.005), ("akima", 0.005), ("chinchilla", 0.001)):
        assert found["laws"][name]["a"] == pytest.approx(true, abs=off), name
        assert found["laws"][name]["status"] == "converged"
    assert found["laws"]["parabola"]["b"] == pytest.approx(1 - true, abs=0.005)
    assert found["laws"]["akima"]["floor"]["E"] == pytest.approx(0.30, abs=0.05)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    text = "\n".join(methods.lines(found))
    assert all(name in text for name in found["laws"])
    without = methods.compare(curves(), columns, [])
    assert set(without["laws"]) == {"envelope", "chinchilla"}
    assert without["optima"] == []


def test_the_figure_shows_every_method_and_the_held_out_budgets():
    rows, columns = planted()
    budgets, found = minima.measure(rows, "loss_ema", "params", 50)
    tried = rollout.rollout(found, rows, columns)
    fit = {
        "columns": {"loss": "loss_ema"},
        "budgets": [{"flops": one.flops, "loss": one.minimum[1]} for one in budgets],
        "rollout": tried,
    }
    for size in (style.WIDE, style.NARROW):
        drawn = figure.methods(rows, fit, style.LIGHT, size)
        left, _ = drawn.axes
        lines = {line.get_label(): line for line in left.lines}
        assert set(tried["rms"]) | {"fitted", "held out", "a run"} <= set(lines)
        assert list(lines["held out"].get_xdata()) == [one.flops for one in budgets[-2:]]
        assert style.png(drawn, style.LIGHT)[:4] == b"\x89PNG"
