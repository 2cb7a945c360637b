"""A bad table, column or option of a fit is one clear line."""

import numpy as np
import pandas as pd
import pytest

from tests.analysis.fit_test import fit, run, runs
from vdit.errors import InputError


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda t: t.drop(columns="L"), "missing column 'L'"),
        (lambda t: t.drop(columns="D"), "missing column 'D'"),
        (lambda t: t.assign(L=-t["L"]), "row 1: L is -"),
        (lambda t: pd.concat([t, t.iloc[[4]]]), "row 37: the same in every column"),
        (lambda t: t.assign(N=np.nan), "N is blank in every row"),
        (
            lambda t: t.assign(D=t["D"].astype(object).where(t.index != 3, "many")),
            "row 4: D is many",
        ),
        (lambda t: t.assign(N=1e6), "N has one value"),
        (lambda t: t.iloc[:0], "no rows"),
        (lambda t: t.iloc[:4].assign(N=[1, 2, 3, 4]), "needs 6 rows"),
        (lambda t: t.assign(L=np.nan), "no row is left"),
    ],
)
def test_a_bad_table_is_one_clear_line(change, line, tmp_path, capsys):
    change(runs(noise=0.01)).to_csv(tmp_path / "t.csv", index=False)
    flags = ["--params", "N", "--tokens", "D", "--loss", "L", "--law", "chinchilla"]
    with pytest.raises(InputError) as error:
        run(tmp_path / "t.csv", *flags, "--bootstrap", "0")
    assert line in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "fit.json").exists()


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"where": "depth > 1"}, "--where 'depth > 1': no column 'depth'"),
        ({"where": "N >"}, "can't be evaluated: invalid syntax"),
        ({"where": "N > 'a'"}, "can't be evaluated"),
        ({"where": "N * 2"}, "expected a comparison"),
        ({"where": "N < 0"}, "no row of 36 meets it"),
        ({"hold_out": "N > 0"}, "no row is left to fit"),
        ({"hold_out": "N < 0"}, "--hold_out 'N < 0': no row"),
        ({"law": "kaplann"}, "expected one of"),
        ({"objective": "l2"}, "expected one of huber"),
        ({"delta": 0.0}, "delta is 0"),
        ({"delta": 1e-2, "objective": "lad"}, "delta is of Huber's loss, the objective is lad"),
        ({"bootstrap": -1}, "bootstrap is -1"),
        ({"drop": ("bad",)}, "drop is 'bad'"),
        ({"colour": "N"}, "colour"),
    ],
)
def test_a_bad_option_is_one_clear_line(options, line):
    with pytest.raises(InputError) as error:
        fit(runs(), **options)
    assert line in str(error.value)
    assert "\n" not in str(error.value)


def test_losses_of_different_things_are_never_fitted_together():
    table = runs().assign(autoencoder=["a"] * 30 + ["b"] * 6)
    with pytest.raises(InputError, match="2 values of 'autoencoder'"):
        fit(table)
    assert fit(table, where="autoencoder == 'a'")["rows"] == 30
