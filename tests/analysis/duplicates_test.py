"""A row that repeats another is found behind what numbers the rows, and under another name."""

import pandas as pd
import pytest

from tests.analysis.foreign_tables import rows_of, runs, same
from vdit.errors import InputError


@pytest.mark.parametrize("name", ["Unnamed: 0", "index", "id", "exp", "run_id"])
def test_duplicates_are_found_behind_an_index_column(name):
    table = pd.concat([runs(), runs().iloc[[2, 4]]], ignore_index=True).reset_index(names=name)
    with pytest.raises(InputError, match=r"row 29.*: the same .* \(2 such; --drop duplicate"):
        rows_of(table)
    assert same(rows_of(table, drop=("duplicate",)))


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ({"run_id": ["4f2a9c", "b01d7e"]}, True),
        ({"Name": ["crisp-sun-3", "crisp-sun-3"], "wandb_id": ["1e5", "1e6"]}, True),
        ({"tag": ["lively", "bold"], "Created": ["2026-01-02", "2026-01-05"]}, True),
        ({"Name": ["n1_seed1", "n1_seed2"]}, False),
        ({"Name": ["n1-s0", "n1-s1"]}, False),
        ({"run_id": ["4f2a9c", "b01d7e"], "seed": [0, 1]}, False),
        ({"run_id": ["4f2a9c", "b01d7e"], "train": ["45.2%", "45.3%"]}, False),
        ({"optimizer": ["adam", "lion"]}, False),
    ],
)
@pytest.mark.parametrize("digits", [3, 4])
def test_one_run_under_two_names_is_a_duplicate_where_its_loss_has_digits(names, found, digits):
    """With fewer the losses of two runs are soon the same; what is set or measured tells apart."""
    table = runs().round({"loss": digits - 1})
    table = pd.concat([table, table.iloc[[4]]], ignore_index=True)
    for name, (first, second) in names.items():
        others = "adam" if name == "optimizer" else 0 if name == "seed" else "1%"
        table[name] = [*range(28), second] if name in ("run_id", "Name", "tag") else others
        table[name] = table[name].astype(object)
        table.loc[[4, 28], name] = [first, second]
    if found and digits == 4:
        with pytest.raises(InputError, match=r"row 29.* as an earlier row but for .*\(1 such"):
            rows_of(table)
        rows = rows_of(table, drop=("duplicate",))
        assert [gone.row_numbers for gone in rows.dropped] == [(29,)]
    else:
        assert len(rows_of(table).fitted) == 29
