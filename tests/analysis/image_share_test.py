"""`analysis.image_share` on planted tables."""

import numpy as np
import pandas as pd
import pytest

from analysis import image_share
from tests.analysis.synthetic_sweep import make_rows
from vdit.errors import InputError

BUDGET, WORTH = 4e10, 0.3


def planted(seeds=3, share=0.5, worth=WORTH, rest=""):
    """Clips alone at five budgets, their losses a line in log compute, and a share of images."""
    row, rng, rows = make_rows(2)[0], np.random.default_rng(0), []
    for seed in range(seeds):
        luck = 0.1 * rng.standard_normal()
        cells = [(at, f"full{rest}", at) for at in BUDGET * np.array([0.25, 0.5, 0.75, 1.0, 2.0])]
        cells += [(BUDGET, f"full-images{share:g}{rest}", (1 - share + worth * share) * BUDGET)]
        for budget, variant, compute in cells:
            loss = 0.9 + luck - 0.1 * np.log(compute / BUDGET) + 1e-4 * rng.standard_normal()
            name = f"{variant}{seed}{budget:g}"
            rows.append(row | {"run_id": name, "fingerprint": name, "variant": variant})
            rows[-1] |= {"seed": seed, "size": "w24d2", "flops_budget": budget, "loss": loss}
    return pd.DataFrame(rows)


@pytest.mark.parametrize("rest", ["", "-t5-1a2b3c"])
def test_the_worth_that_was_planted_is_found_where_seeds_hide_the_losses(tmp_path, capsys, rest):
    planted(rest=rest).to_csv(tmp_path / "t.csv", index=False)
    files = ["--out", str(tmp_path / "out.csv"), "--png", str(tmp_path / "p.png")]
    image_share.main([str(tmp_path / "t.csv"), *files])
    (row,) = pd.read_csv(tmp_path / "out.csv").to_dict("records")
    assert (row["share"], row["seeds"]) == (0.5, 3)
    assert row["worth"] == pytest.approx(WORTH, abs=0.01)
    assert row["worth_low"] < WORTH < row["worth_high"]
    assert row["cost"] == pytest.approx(-0.1 * np.log(0.65), abs=1e-3)
    assert row["gain"] == pytest.approx(0.1 * np.log(0.65 / 0.5), abs=1e-3)
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    assert "worth" in capsys.readouterr().out


def test_a_table_without_clips_alone_is_refused_in_a_line(tmp_path):
    table = planted()
    table[table["flops_budget"] != BUDGET / 2].to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(InputError, match="no share of images with loss of clips alone at its"):
        image_share.main([str(tmp_path / "t.csv")])
