"""A small calibration: intervals of planted sweeps hold the truth within binomial reach."""

import pandas as pd
import pytest

from analysis.calibration import designs, table

SWEEPS = 120


@pytest.fixture(scope="module")
def found():
    by_name = {design.name: design for design in designs.DESIGNS}
    return table.table(table.run(SWEEPS, 0, (by_name["demo"], by_name["truncated"]), workers=2))


def of(found, design):
    return {row["quantity"]: row for row in found if row["design"] == design}


def test_intervals_of_a_demo_hold_the_truth(found):
    rows = of(found, "demo")
    for name, row in rows.items():
        if row["identified"] > 0.9:
            # Four binomial errors of 120 sweeps: a plain bootstrap's 85 % lies below them.
            assert row["coverage"] > 0.95 - 4 * (0.95 * 0.05 / SWEEPS) ** 0.5, name
    assert rows["next budget"]["identified"] > 0.9
    assert rows["E"]["identified"] < 0.7  # six budgets of 0.9 % noise seldom tell E from zero
    assert rows["E, from zero"]["identified"] == 1


def test_a_truncated_sweep_gives_a_status_and_no_size_exponent(found):
    assert of(found, "truncated")["size exponent"]["identified"] < 0.05
    assert of(found, "truncated")["next budget"]["coverage"] is not None


def test_the_same_seed_gives_the_same_table_however_it_is_shared_out():
    design = designs.DESIGNS[:1]
    one, two = (table.table(table.run(30, 3, design, workers=w)) for w in (1, 2))
    assert one == two


def test_the_planted_best_is_the_lowest_of_its_surface():
    n, loss = designs.best(1e12, 0.3)
    for size in (0.9 * n, 1.1 * n):
        assert designs.surface(size, 1e12 / 6 / size, 0.3) > loss


def test_the_committed_table_says_how_often_intervals_held():
    from tests.paths import ROOT

    path = ROOT / "analysis/results/calibration/calibration.csv"
    rows = pd.read_csv(path)
    assert set(rows["design"]) == {design.name for design in designs.DESIGNS}
    judged = rows[rows["judged"].isin(["yes", "no"])]
    assert (judged["judged"] == "yes").mean() > 0.95
    assert (judged.loc[judged["quantity"] == "next budget", "judged"] == "yes").all()
