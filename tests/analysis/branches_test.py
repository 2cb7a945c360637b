"""Trunks stay out of every fit, their branches are drawn together; `analysis.branches` compares."""

import numpy as np
import pandas as pd
import pytest

from analysis import branches as command
from analysis import compare
from analysis.fitting import rates
from analysis.fitting.budgets import swept
from analysis.fitting.rows import prepare
from analysis.fitting.table import fit_table
from analysis.frontier import selection
from analysis.table import branches, columns
from tests.analysis.synthetic_sweep import make_rows
from vdit.errors import InputError

OFF, SAVED, BENT = 0.02, 0.5, 0.01
BUDGETS = (1e9, 2e9, 4e9)


def with_trunk(rows, loss=9.9):
    """The rows and a trunk's: a budget of 0, a loss that would show in any fit."""
    trunk = {"run_id": "trunk", "trunk": "trunk", "flops_budget": 0.0, "annealed": False}
    whole = [row | {"trunk": row["run_id"], "flops_shared": 0.0} for row in rows]
    return pd.DataFrame([*whole, rows[-1] | trunk | {"loss_ema": loss, "loss": loss}])


@pytest.mark.parametrize("law", ["chinchilla", "frontier"])
def test_a_trunk_changes_no_fit(law):
    rows = make_rows(4)
    without = fit_table(pd.DataFrame(rows), law, bootstrap=0).to_json()
    found = fit_table(with_trunk(rows), law, bootstrap=0).to_json()
    assert found["parameters"] == without["parameters"]
    assert found["rows"] == without["rows"] == len(rows)
    (gone,) = found["dropped"]
    assert gone["run_ids"] == ["trunk"]
    assert "the schedule had not ended" in gone["line"]


def test_a_trunk_enters_no_frontier_and_no_best_rate():
    rows = [row | {"parameterization": "sp"} for row in make_rows(2)]
    labelled = with_trunk(rows).assign(flops_budget=1e9)  # its label alone would not keep it out
    kept, notes = selection.select(labelled, "loss_ema", "params")
    assert "trunk" not in set(kept["run_id"])
    assert notes == ["1 rows whose schedule had not ended left out"]
    roles = columns.assign(labelled).table
    assert len(swept(roles)) == len(roles) - 1
    assert rates.fit(labelled).rows == len(rows)


def test_a_trunk_enters_no_comparison(tmp_path, capsys):
    rows = [row | {"variant": "full"} for row in make_rows(2)[:1]]
    with_trunk(rows).to_csv(tmp_path / "table.csv", index=False)
    compare.main([str(tmp_path / "table.csv"), "--reference", "full"])
    assert "9.9" not in capsys.readouterr().out


def test_branches_of_one_trunk_are_drawn_together():
    rows = make_rows(2)[:6]
    table = with_trunk(rows)
    table.loc[:2, "trunk"] = "trunk"
    cluster = prepare(table, ("loss",)).cluster()
    assert list(cluster) == [0, 0, 0, 1, 2, 3]
    assert len(set(prepare(pd.DataFrame(rows), ("loss",)).cluster())) == 6  # an older table


def planted(seeds=(0, 1, 2)):
    """Whole runs, and branches that are `OFF` worse at the first budget, less so at larger ones."""
    row, rng, rows = make_rows(2)[0], np.random.default_rng(0), []
    for seed in seeds:
        trunk = row | {"run_id": f"t{seed}", "trunk": f"t{seed}", "annealed": False, "seed": seed}
        rows.append(trunk | {"flops_budget": 0.0, "flops": SAVED * 4e9, "flops_shared": 0.0})
        for i, flops in enumerate(BUDGETS):
            for kind in ("wsd", "branch"):
                loss = flops**-0.1 * (1 + 0.1 * np.sin(7 * seed)) + 1e-5 * rng.standard_normal()
                worse = (OFF - BENT * i) * (kind == "branch")
                name = f"{kind}{seed}{i}"
                rows.append(row | {"run_id": name, "trunk": name, "seed": seed, "size": "w32d2"})
                rows[-1] |= {"schedule": "wsd", "flops": flops, "flops_budget": flops}
                rows[-1] |= {"flops_shared": 0.0, "loss_ema": loss * np.exp(worse)}
                if kind == "branch":
                    rows[-1] |= {"trunk": f"t{seed}", "flops_shared": SAVED * flops}
    return pd.DataFrame(rows)


def test_differences_of_branches_are_found_at_each_budget():
    found = branches.compared(planted())
    assert list(found["flops_budget"]) == list(BUDGETS)
    assert set(found["whole"]) == {"wsd"}
    expected = np.array(BUDGETS) ** -0.1 * np.expm1(OFF - BENT * np.arange(3))
    assert found["difference"].to_numpy() == pytest.approx(expected, rel=0.15, abs=1e-4)
    assert (found["low"] < found["difference"]).all()
    (slope,) = branches.compared_slopes(planted())["difference"]
    assert slope == pytest.approx(-BENT / np.log(2), rel=0.05)


def test_costs_count_a_trunk_once(tmp_path, capsys):
    path = tmp_path / "table.csv"
    planted().to_csv(path, index=False)
    command.main([str(path), "--out", str(tmp_path / "out.csv")])
    said = capsys.readouterr().out
    # A seed: 2e9 of the trunk and half of 7e9 instead of 7e9.
    assert "9 branches of 3 trunks took 1.65e+10 FLOPs" in said
    assert "would have taken 2.1e+10: 21% less" in said
    assert len(pd.read_csv(tmp_path / "out.csv")) == 3


def test_a_table_without_branches_is_refused():
    table = with_trunk(make_rows(2)).assign(schedule="wsd")
    with pytest.raises(InputError, match="the table has no branches"):
        branches.compared(table)
    with pytest.raises(InputError, match="the table has no column 'trunk'"):
        branches.compared(pd.DataFrame(make_rows(2)))
