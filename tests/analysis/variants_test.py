"""How far exponents move with the count of compute and size, where the answer is known."""

import csv
import io

import numpy as np
import pandas as pd
import pytest

from analysis import variants as command
from analysis.fitting import exponents
from analysis.fitting.rows import swept
from analysis.table import columns, variants
from tests.analysis.synthetic_sweep import ALPHA, BETA, make_rows, planted_loss
from tests.paths import ROOT
from vdit.errors import InputError


def table_of(modulation=0.5, **extra):
    """A noiseless sweep whose params_no_adaln is a set share of params."""
    table = pd.DataFrame(make_rows(5, noise=0.0))
    table["params_no_adaln"] = (1 - modulation) * table["params"]
    table["params_total"] = table["params"] + 5000
    table["clips"] = table["tokens"] / 8  # few tokens in a clip: attention takes a small share
    return table.assign(**extra)


def test_counts_of_a_model_by_hand():
    """DiT-like: L blocks of width d, n tokens: 24 n d^2 + 4 n^2 d FLOPs a block forward."""
    L, d, n, clips = 12, 64, 256, 1000
    plain = L * 12 * d * d
    forward = L * (24 * n * d * d + 4 * n * n * d)
    table = pd.DataFrame(
        {
            "params": [1.5 * plain], "params_no_adaln": [plain], "tokens": [n * clips],
            "clips": [clips], "depth": [L], "width": [d], "flops": [3.0 * forward * clips],
        }
    )  # fmt: skip
    by_name = {v.name: v.compute(table)[0] for v in variants.VARIANTS if v.size in table}
    true = by_name["true"]
    assert by_name["6ND, no adaLN, attention"] == pytest.approx(true, rel=1e-12)
    assert by_name["true, no attention"] == pytest.approx(by_name["6ND, no adaLN"], rel=1e-12)
    assert by_name["macs"] == true / 2
    assert by_name["6ND"] == pytest.approx(1.5 * by_name["6ND, no adaLN"])


def test_a_constant_factor_moves_no_exponent_and_the_truth_is_found():
    found, _ = exponents.of_rows(swept(table_of()), bootstrap=0)
    found = found.set_index("variant")
    true, macs, plain = (found.loc[name] for name in ("true", "macs", "6ND, no adaLN"))
    for name in ("a", "g", "alpha", "beta", "a_chinchilla"):
        assert macs[name] == pytest.approx(true[name], rel=1e-4)
        assert plain[name] == pytest.approx(true[name], rel=1e-3)
    assert true["alpha"] == pytest.approx(ALPHA, rel=1e-3)
    assert true["beta"] == pytest.approx(BETA, rel=1e-3)
    assert true["a"] == pytest.approx(BETA / (ALPHA + BETA), abs=0.02)


def test_a_share_of_modulation_that_grows_moves_the_exponent_as_it_must():
    table = table_of()
    # N without adaLN ~ N^0.9, so C counted with it is N^0.9 D and its exponents are known.
    table["params_no_adaln"] = table["params"] ** 0.9
    found, _ = exponents.of_rows(swept(table), bootstrap=0)
    found = found.set_index("variant").loc["6ND, no adaLN"]
    alpha = ALPHA / 0.9
    assert found["alpha"] == pytest.approx(alpha, rel=1e-3)
    assert found["a_chinchilla"] == pytest.approx(BETA / (alpha + BETA), rel=1e-3)
    assert found["a"] == pytest.approx(BETA / (alpha + BETA), abs=0.02)
    assert found["compute_most"] < 1


def test_runs_are_brought_to_one_compute_before_their_sizes_are_compared():
    table = columns.assign(table_of()).table
    compute = 6 * table["params_total"] * table["tokens"]
    surface = exponents._chinchilla(table["params"].to_numpy(float), table)
    level = exponents._level(compute.to_numpy(), table, surface)
    shared = level["flops_budget"]
    assert shared.nunique() == table["flops_budget"].nunique()
    # The planted law at the tokens that this compute buys, for flops = 6 N D.
    flops = shared * table["params"] / table["params_total"]
    assert np.allclose(level["loss"], planted_loss(table["params"], flops), rtol=1e-6)
    assert not np.allclose(level["loss"], table["loss_ema"], rtol=1e-3)


def test_what_the_table_does_not_hold_is_left_out_with_a_word():
    table = columns.assign(table_of().drop(columns=["clips", "params_total"])).table
    found, said = variants.possible(table)
    assert "6ND, embeddings in" not in {variant.name for variant in found}
    assert any("no column params_total" in line for line in said)
    factorised = columns.assign(table_of(variant="factorised")).table
    assert any(
        "not every run has full attention" in line for line in variants.possible(factorised)[1]
    )


def test_the_command_prints_and_writes_one_table(tmp_path, capsys):
    table_of().to_csv(tmp_path / "t.csv", index=False)
    out = tmp_path / "variants.csv"
    command.main([str(tmp_path / "t.csv"), "--bootstrap", "50", "--out", str(out)])
    found = list(csv.DictReader(io.StringIO(out.read_text())))
    assert len(found) == len(variants.VARIANTS)
    assert "the count alone moves" in capsys.readouterr().out
    with pytest.raises(InputError, match="missing column 'flops_budget'"):
        exponents.of_rows(swept(table_of().drop(columns="flops_budget")))


def test_the_demo_s_table_is_the_one_of_its_results():
    folder = ROOT / "analysis" / "results" / "demo"
    kept = pd.read_csv(folder / "variants.csv")
    found, _ = exponents.of_rows(swept(pd.read_csv(folder / "results.csv")))
    for name in ("a", "a_low", "g", "g_high", "alpha", "beta", "compute_least"):
        assert np.allclose(kept[name], found[name], rtol=1e-4, equal_nan=True)
