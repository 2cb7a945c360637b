"""`analysis.exponents` on planted curves: which exponents differ, and by how much."""

import json

import numpy as np
import pandas as pd
import pytest

from analysis import exponents as command
from analysis.fitting import differences
from analysis.fitting.result import Fit
from analysis.fitting.table import fit_table
from vdit.errors import InputError

BUDGETS = 3e10 * 2.0 ** np.arange(6)
OFFSETS = (0.3, 0.6, 1.2, 2.4)
NOISE = 0.002


def curve(g, a, scale=1.0, seed=0, budgets=BUDGETS):
    """Runs whose best loss is `scale` C^-g at size 5e4 C^a, of C in units of 1e11 FLOPs."""
    rng = np.random.default_rng(seed)
    C, offset = (x.ravel() for x in np.meshgrid(budgets, OFFSETS))
    loss = scale * (C / 1e11) ** -g * np.exp(0.05 * np.log(offset) ** 2)
    return pd.DataFrame(
        {
            "run_id": [f"r{i}" for i in range(len(C))],
            "flops": C,
            "flops_budget": C,
            "params": 5e4 * (C / 1e11) ** a * offset,
            "loss": loss * np.exp(NOISE * rng.standard_normal(len(C))),
        }
    )


@pytest.fixture(scope="module")
def fits():
    """A reference, the same exponents on another scale of loss, and others."""
    tables = {
        "full": curve(0.12, 0.4),
        "scaled": curve(0.12, 0.4, scale=1.7, seed=1),
        "steep": curve(0.15, 0.6, seed=2),
    }
    return {name: fit_table(table, law="power", bootstrap=99) for name, table in tables.items()}


def test_exponents_that_differ_are_told_from_those_that_do_not(fits):
    found = differences.of_fits(fits).set_index(["exponent", "fit"])
    for key, apart in (("g", 0.03), ("a", 0.2)):
        full, same, other = (found.loc[(key, name)] for name in fits)
        assert np.isnan(full.difference)
        assert same.difference_low < 0 < same.difference_high
        assert other.difference_low < apart < other.difference_high
        assert other.difference_low > 0


def test_the_same_resamples_in_both_make_no_interval_narrower(fits):
    """Fits of one seed draw alike: their differences row by row would be all but equal."""
    twice = differences.of_fits({"full": fits["full"], "again": fits["full"]})
    again = twice.set_index(["exponent", "fit"]).loc[("g", "again")]
    assert again.difference == 0
    assert again.difference_high - again.difference_low > again.high - again.low


def test_command_reads_fits_and_says_where_their_compute_differs(fits, tmp_path, capsys):
    short = fit_table(curve(0.12, 0.4, budgets=BUDGETS[:4]), law="power", bootstrap=9)
    paths = []
    for name, fit in {"full": fits["full"], "steep": fits["steep"], "short": short}.items():
        paths.append(str(tmp_path / f"{name}.json"))
        (tmp_path / f"{name}.json").write_text(json.dumps(fit.to_json()))
    png, out = tmp_path / "e.png", tmp_path / "e.csv"
    command.main([*paths, "--png", str(png), "--out", str(out)])
    told = capsys.readouterr()
    assert told.err.startswith(
        "warning: short: from 3e+10 to 2.4e+11 FLOPs, full from 3e+10 to 9.6"
    )
    assert len(told.err.splitlines()) == 1
    assert "L ~ C^-g" in told.out
    assert "N* ~ C^a" in told.out
    assert list(pd.read_csv(out)["fit"]) == ["full", "steep", "short"] * 2
    assert png.stat().st_size > 10_000


def test_budgets_whose_minimum_was_not_found_are_not_counted(fits):
    table = curve(0.12, 0.4)
    past = table["params"] < 1.1 * table.groupby("flops_budget")["params"].transform("min")
    cut = table[(table["flops_budget"] > BUDGETS[0]) | past]
    found = differences.of_fits({"full": fits["full"], "cut": fit_table(cut, law="power")})
    row = found.set_index(["exponent", "fit"]).loc[("g", "cut")]
    assert (row.budgets, row.least_flops) == (5, BUDGETS[1])
    assert differences.unlike(found)


def test_two_fits_of_one_name_are_told_apart_by_their_folders(fits, tmp_path, capsys):
    for name in ("full", "steep"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "fit.json").write_text(json.dumps(fits[name].to_json()))
    command.main([str(tmp_path / name / "fit.json") for name in ("full", "steep")])
    assert "steep/fit.json" in capsys.readouterr().out


def test_laws_of_two_kinds_and_a_fit_given_twice_are_refused(fits, tmp_path):
    of_runs = fit_table(curve(0.12, 0.4), law="chinchilla", bootstrap=0)
    assert isinstance(of_runs, Fit)
    with pytest.raises(InputError, match="runs: its law is chinchilla, that of full is power"):
        differences.of_fits({"full": fits["full"], "runs": of_runs})
    (tmp_path / "fit.json").write_text("{}")
    with pytest.raises(InputError, match=r"fit\.json: given twice"):
        command.main([str(tmp_path / "fit.json")] * 2)
    with pytest.raises(InputError, match=r"fit.json: no 'laws', expected a fit by analysis.fit"):
        command.main([str(tmp_path / "fit.json")])
