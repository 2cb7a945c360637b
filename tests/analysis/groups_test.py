"""`analysis.compare` on planted tables."""

import numpy as np
import pandas as pd
import pytest

from analysis import compare
from analysis.figures import groups as figure
from analysis.figures import style
from analysis.table import groups
from tests.analysis.synthetic_sweep import make_rows
from vdit.errors import InputError


def planted(seeds=3, shift=0.05):
    """Two variants whose losses share a seed's luck, the second `shift` worse."""
    row, rng = make_rows(2)[0], np.random.default_rng(0)
    rows = []
    for seed in range(seeds):
        luck = 0.1 * rng.standard_normal()
        for name, worse in (("full", 0.0), ("split_heads", shift)):
            loss = 0.7 + luck + worse + 0.001 * rng.standard_normal()
            rows.append(row | {"run_id": f"{name}{seed}", "variant": name, "seed": seed})
            rows[-1] |= {"fingerprint": rows[-1]["run_id"], "loss_ema": loss}
    return pd.DataFrame(rows)


def test_pairing_by_seed_finds_what_the_seeds_hide():
    found = groups.compared(planted(), "variant", "full", "loss_ema").set_index("variant")
    assert found["sd"].min() > 0.03  # the luck of seeds
    row = found.loc["split_heads"]
    assert row["difference"] == pytest.approx(0.05, abs=0.003)
    assert row["low"] > 0.04
    assert np.isnan(found.loc["full", "difference"])


def test_intervals_are_students():
    """The 95 % interval holds the planted difference in 95 of 100 tables."""
    held, tables = 0, planted(3)
    for seed in range(300):
        noise = 0.01 * np.random.default_rng(seed).standard_normal(len(tables))
        table = tables.assign(loss_ema=tables["loss_ema"] + noise)
        row = groups.compared(table, "variant", "full", "loss_ema").set_index("variant")
        low, high = row.loc["split_heads", ["low", "high"]]
        held += low < 0.05 < high
    assert held == pytest.approx(285, abs=15)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"reference": "unet"}, "no group 'unet' in variant: expected one of full, split_heads"),
        ({"metric": "fvd"}, "the table has no column 'fvd'"),
    ],
)
def test_what_is_not_there_is_named(change, line):
    args = {"by": "variant", "reference": "full", "metric": "loss_ema"} | change
    with pytest.raises(InputError, match=line):
        groups.compared(planted(), **args)


def test_of_two_validation_sets_scores_are_compared_and_losses_are_not():
    table = planted().assign(score=0.5, validation=lambda t: t["variant"])
    found = groups.compared(table, "variant", "full", "score").set_index("variant")
    assert found.loc["split_heads", "difference"] == 0
    with pytest.raises(InputError, match="rows of 2 values of 'validation'"):
        groups.compared(table, "variant", "full", "loss_ema")


def test_two_rows_of_one_seed_are_refused():
    table = pd.concat([planted(), planted().assign(flops=1.0)])
    with pytest.raises(InputError, match="two rows of variant full have seed 0: choose one kind"):
        groups.compared(table, "variant", "full", "loss_ema")


def test_the_command_chooses_rows_and_writes_the_table(tmp_path, capsys):
    planted().to_csv(tmp_path / "t.csv", index=False)
    flags = [str(tmp_path / "t.csv"), "--reference", "full", "--where", "seed < 2"]
    compare.main([*flags, "--out", str(tmp_path / "out.csv")])
    assert "split_heads" in capsys.readouterr().out
    assert list(pd.read_csv(tmp_path / "out.csv")["runs"]) == [2, 2]


def test_several_metrics_are_drawn_beside_each_other(tmp_path, capsys):
    table = planted().assign(score=lambda t: 1 - t["loss_ema"])
    table.to_csv(tmp_path / "t.csv", index=False)
    flags = [str(tmp_path / "t.csv"), "--reference", "full", "--metric", "loss_ema,score"]
    compare.main([*flags, "--out", str(tmp_path / "out.csv"), "--png", str(tmp_path / "x.png")])
    assert "score by variant" in capsys.readouterr().out
    found = pd.read_csv(tmp_path / "out.csv").set_index(["metric", "variant"])["difference"]
    assert found["loss_ema", "split_heads"] == pytest.approx(-found["score", "split_heads"])
    assert (tmp_path / "x.png").read_bytes()[:4] == b"\x89PNG"
    tables = {
        name: groups.compared(table, "variant", "full", name) for name in ("loss_ema", "score")
    }
    left, right = figure.draw(tables, "variant", "full", style.LIGHT).axes
    assert [text.get_text() for text in left.get_yticklabels()] == ["split_heads", "full"]
    drawn = [np.asarray(ax.containers[0].lines[0].get_xdata(), float) for ax in (left, right)]
    assert drawn[0][0] - drawn[0][1] == pytest.approx(0.05, abs=0.003)
    np.testing.assert_allclose(drawn[1], 1 - drawn[0])
