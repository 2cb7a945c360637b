"""Trunks stay out of every fit, and their branches are drawn together."""

import pandas as pd
import pytest

from analysis import compare
from analysis.fitting import rates
from analysis.fitting.budgets import swept
from analysis.fitting.rows import prepare
from analysis.fitting.table import fit_table
from analysis.frontier import selection
from analysis.table import columns
from tests.analysis.synthetic_sweep import make_rows


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
