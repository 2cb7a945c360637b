"""A bad table is refused with one line that names the column and the row."""

import pandas as pd
import pytest

from analysis.table import columns, reading, schema
from tests.analysis.synthetic_sweep import make_rows
from vdit.errors import InputError


@pytest.fixture
def table():
    return pd.DataFrame(make_rows(2))


def test_a_good_table_passes(table):
    assert schema.validate(table) is table


def test_roles_are_given_to_a_table_of_hundreds_of_columns_without_a_warning(table):
    more = {f"score_{i}": [0.0] * len(table) for i in range(200)}
    wide = pd.concat([table, *(pd.DataFrame({k: v}) for k, v in more.items())], axis=1)
    assert len(columns.assign(wide).table) == len(table)


@pytest.mark.parametrize("column", ["run_id", "params", "tokens", "flops", "loss", "steps"])
def test_a_missing_column_is_named(table, column):
    with pytest.raises(InputError, match=f"missing column '{column}'"):
        schema.validate(table.drop(columns=column))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("loss", float("nan")),
        ("loss", -0.5),
        ("flops", 0.0),
        ("loss_ema", float("inf")),
        ("epochs", -1.0),
        ("data_wait", 1.5),
        ("annealed", "perhaps"),
        ("steps", "many"),
    ],
)
def test_a_bad_value_is_named_with_its_row(table, column, value):
    table[column] = table[column].astype(object)
    table.loc[3, column] = value
    with pytest.raises(InputError, match=rf"row 4 \(run {table.run_id[3]}\): {column} is"):
        schema.validate(table)


def test_duplicated_checkpoints_are_refused(table):
    twice = pd.concat([table, table.iloc[[2]]], ignore_index=True)
    with pytest.raises(InputError, match=rf"row {len(twice)} .*earlier row"):
        schema.validate(twice)


def test_blank_optional_values_pass(table):
    table.loc[1, "loss_train"] = float("nan")
    schema.validate(table)


@pytest.mark.parametrize("column", schema.COMPARABLE)
def test_losses_of_different_things_are_never_mixed(table, column):
    table[column] = "one"
    schema.comparable(table)
    table.loc[0, column] = "another"
    with pytest.raises(InputError, match=f"2 values of '{column}'"):
        schema.comparable(table)


def test_identifiers_of_digits_survive_the_csv(table, tmp_path):
    table.loc[0, "run_id"] = "001234567890"
    table.loc[1, "run_id"] = "12345678e012"
    table.to_csv(tmp_path / "t.csv", index=False)
    assert list(reading.read_table(tmp_path / "t.csv")["run_id"][:2]) == list(table["run_id"][:2])


def test_what_is_no_table_is_named(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        reading.read_table(tmp_path / "none.csv")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(InputError, match="not a table"):
        reading.read_table(tmp_path / "empty.csv")
    (tmp_path / "head.csv").write_text("run_id,loss\n")
    with pytest.raises(InputError, match="no rows"):
        reading.read_table(tmp_path / "head.csv")


def test_anybody_s_table_is_loaded_as_it_is(tmp_path):
    (tmp_path / "t.csv").write_text("size,L\n100,0.5\n200,0.4\n")
    assert reading.load(tmp_path / "t.csv")["size"].tolist() == [100, 200]
    with pytest.raises(InputError, match="missing column 'run_id'"):
        reading.read_table(tmp_path / "t.csv")
    (tmp_path / "t.parquet").write_text("no parquet")
    with pytest.raises(InputError, match=r"t\.parquet: not a table"):
        reading.load(tmp_path / "t.parquet")
