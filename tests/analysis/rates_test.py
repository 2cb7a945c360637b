"""The best learning rate by width, on planted curves."""

import numpy as np
import pandas as pd
import pytest

from analysis import rates
from analysis.fitting import rates as fitting
from vdit.errors import InputError

EXPONENT = {"sp": -1.0, "mup": 0.0}  # planted
WIDTHS = (32, 64, 128)


def planted(noise=0.003, seed=0, widths=WIDTHS):
    """Runs at powers of two; log loss is a parabola about a rate that falls as planted."""
    rng = np.random.default_rng(seed)
    rows = []
    for kind, exponent in EXPONENT.items():
        for width in widths:
            best = 2**-5.3 * (width / 32) ** exponent
            for power in range(-10, -2):
                for run in range(2):
                    away = np.log2(2.0**power / best)
                    loss = 0.9 * np.exp(0.02 * away**2 + noise * rng.standard_normal())
                    rows.append((kind, width, 2.0**power, run, loss))
    return pd.DataFrame(rows, columns=["parameterization", "width", "lr", "seed", "loss_ema"])


def test_planted_rates_and_exponents_lie_in_their_intervals():
    held = {"rate": [], "sp": [], "mup": []}
    for seed in range(60):
        found = fitting.fit(planted(seed=seed))
        for cell in found.cells:
            best = 2**-5.3 * (cell.width / 32) ** EXPONENT[cell.parameterization]
            low, high = cell.interval
            held["rate"].append(low <= best <= high)
        for kind, law in found.laws.items():
            held[kind].append(law.interval[0] <= EXPONENT[kind] <= law.interval[1])
    assert 0.91 < np.mean(held["rate"]) < 0.99
    assert np.mean(held["sp"]) > 0.85
    assert np.mean(held["mup"]) > 0.85
    assert 0.002 < found.noise.sd < 0.004


def test_what_the_narrow_ones_rate_costs_the_wide_one():
    laws = fitting.fit(planted(noise=0.0)).laws
    # On powers of two -5 is best at width 32 and -7 at 128: 2.3 octaves from its best, or 0.3.
    assert laws["sp"].costs == pytest.approx(np.expm1(0.02 * (2.3**2 - 0.3**2)), rel=1e-6)
    assert laws["mup"].costs == 0


def test_a_minimum_at_the_edge_gets_no_interval(tmp_path, capsys):
    table = planted()
    table = table[(table["lr"] > 2**-6.5) | (table["width"] < 128)]
    table.to_csv(tmp_path / "table.csv", index=False)
    rates.main([str(tmp_path / "table.csv"), "--out", str(tmp_path / "rates.csv")])
    assert "sp   width   128: at the edge" in capsys.readouterr().out
    written = pd.read_csv(tmp_path / "rates.csv")
    edge = written[(written["parameterization"] == "sp") & (written["width"] == 128)]
    assert edge["lr"].isna().all()
    assert written["lr"].notna().sum() == 5


def test_collapsed_runs_enter_no_parabola():
    table = planted(noise=0.0)
    fallen = table["lr"] == 2**-4
    table.loc[fallen, "loss_ema"] *= 1.5
    for cell in fitting.fit(table[table["parameterization"] == "mup"]).cells:
        assert cell.lr == pytest.approx(2**-5.3, rel=1e-6)


def test_runs_that_both_share_are_one_witness():
    table = planted()
    doubled = table.assign(parameterization="mup")[table["parameterization"] == "sp"]
    alone = fitting.fit(table[table["parameterization"] == "sp"])
    both = fitting.fit(pd.concat([table[table["parameterization"] == "sp"], doubled]))
    assert vars(both.noise) == pytest.approx(vars(alone.noise))


def test_the_picture_is_drawn(tmp_path):
    planted().to_csv(tmp_path / "rates.csv", index=False)
    rates.main([str(tmp_path / "rates.csv"), "--png", str(tmp_path / "rates.png")])
    assert (tmp_path / "rates.png").read_bytes().startswith(b"\x89PNG")


def test_a_missing_column_is_named():
    with pytest.raises(InputError, match="missing column 'lr'"):
        fitting.fit(planted().drop(columns="lr"))


def test_without_a_parameterization_all_is_the_standard_one_and_it_is_said(tmp_path, capsys):
    table = planted()
    bare = table[table["parameterization"] == "sp"].drop(columns="parameterization")
    bare.to_csv(tmp_path / "rates.csv", index=False)
    rates.main([str(tmp_path / "rates.csv"), "--png", str(tmp_path / "rates.png")])
    printed = capsys.readouterr()
    assert f"note: {fitting.ASSUMED}" in printed.err
    assert printed.out.startswith("sp   width    32: best rate")
    table.to_csv(tmp_path / "both.csv", index=False)
    rates.main([str(tmp_path / "both.csv")])
    assert fitting.ASSUMED not in capsys.readouterr().err
