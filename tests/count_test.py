"""`python -m vdit.flops`, and the numbers printed in the papers of DiT and Latte."""

import csv
import itertools
import json
import sys

import pytest

from tests.paths import reference
from tests.tiny import python
from vdit import flops
from vdit.config.sizes import SIZES, size_of
from vdit.errors import InputError

PUBLISHED = ["--positions", "sincos", "--no_qk_norm", "--learn_sigma"]
TITLES = ["params", "params_total", "gmacs", "flops_forward", "flops_training"]


def counted(capsys, monkeypatch, *flags):
    """What the command prints, run in this process."""
    monkeypatch.setattr(sys, "argv", ["vdit.flops", *flags])
    flops.main()
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("flags", [PUBLISHED, ["--learn_sigma"]])
def test_every_row_of_the_table_of_dit(capsys, monkeypatch, flags):
    """2212.09748, table 4; its Gflops are multiply-accumulates."""
    rows = list(csv.DictReader(reference("fits/dit/dit_table4_400k.csv").read_text().splitlines()))
    assert len(rows) == 12
    for row in rows:
        patch = ["--patch", f"1,{row['patch']},{row['patch']}", "--latent", "1,32,32,4"]
        size = ["--size", row["size"], "--classes", "1000"]
        found = counted(capsys, monkeypatch, *size, *patch, *flags)
        assert found["gmacs"] == pytest.approx(float(row["gflops_fwd"]), abs=0.03), row["model"]
        assert round(found["params_total"] / 1e6) == int(row["params_M"]), row["model"]


@pytest.mark.parametrize(
    ("size", "millions"), [("S", 32.48), ("B", 129.55), ("L", 456.82), ("XL", 673.68)]
)
def test_trainable_weights_of_latte(capsys, monkeypatch, size, millions):
    """2401.03048, at 16x32x32x4, without classes."""
    flags = ["--size", size, "--patch", "1,2,2", "--latent", "16,32,32,4"]
    found = counted(capsys, monkeypatch, *flags, "--attention", "interleaved", *PUBLISHED)
    assert round(found["params_total"] / 1e6, 2) == millions


@pytest.mark.parametrize(
    ("size", "printed"), [("S", 93.6), ("B", 364.1), ("L", 1285.1), ("XL", 1893.0)]
)
def test_evaluating_adaln_once_saves_what_the_code_of_latte_repeats(
    capsys, monkeypatch, size, printed
):
    """It evaluates adaLN for every frame or position of a block: about 1.6 % more than ours."""
    flags = ["--size", size, "--patch", "1,2,2", "--latent", "16,32,32,4"]
    found = counted(capsys, monkeypatch, *flags, "--attention", "interleaved", *PUBLISHED)
    (width, depth, _), frames, positions = size_of(size), 16, 256
    blocks = depth // 2 * (frames - 1 + positions - 1) * 6 * width**2
    last = (frames - 1) * 2 * width**2
    assert found["gmacs"] + (blocks + last) / 1e9 == pytest.approx(printed, abs=0.06)


def test_the_ladder_climbs_by_about_1_6(capsys, monkeypatch):
    names = list(SIZES)
    assert names[-8:] == ["S", "B", "L", "XL", "XL-h128", "2B", "7B", "20B"]
    flags = ["--text", "24", "--patch", "1,2,2", "--latent", "3,8,8,4"]
    rungs = names[names.index("w24d2") : names.index("S") + 1]
    counts = [counted(capsys, monkeypatch, "--size", n, *flags)["params"] for n in rungs]
    assert 25e3 < counts[0] < 35e3
    assert 25e6 < counts[-2] < 35e6
    steps = [b / a for a, b in itertools.pairwise(counts)]
    assert all(1.4 < step < 1.8 for step in steps)
    assert (counts[-1] / counts[0]) ** (1 / len(steps)) == pytest.approx(1.55, abs=0.01)
    assert all(SIZES[n].depth % 2 == 0 for n in names)


def test_the_command_prints_what_it_promises_without_jax():
    code = "import runpy, sys; sys.argv = ['flops', '--size', 'XL', '--text', '77']\n"
    code += "try: runpy.run_module('vdit.flops', run_name='__main__')\n"
    code += "except SystemExit as end: assert not end.code and 'jax' not in sys.modules"
    found = json.loads(python("-c", code).stdout)
    assert list(found) == [*TITLES, "activation_bytes"]
    assert all(value > 0 for value in found.values())


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--size", "Q"], "unknown size 'Q'"),
        (["--patch", "2,2"], "--patch 2,2: expected 3 whole numbers of at least 1"),
        (["--patch", "1,2,x"], "--patch 1,2,x: expected"),
        (["--latent", "1,0,32,4"], "--latent 1,0,32,4: expected 4"),
        (["--patch", "1,3,3"], "3 does not divide the latents' H = 32"),
        (["--attention", "none"], "model.attention='none': expected one of"),
        (["--classes", "-1"], "--classes -1: expected 0 or more"),
        (["--classes", "5", "--text", "7"], "--classes and --text: expected one of them"),
        (["--positions", "x"], "model.positions='x': expected one of"),
        (["--dtype", "int8"], "--dtype int8: expected one of float32, bfloat16"),
    ],
)
def test_bad_values_are_one_clear_line(monkeypatch, flags, line):
    monkeypatch.setattr(sys, "argv", ["vdit.flops", "--size", "S", *flags])
    with pytest.raises(InputError) as caught:
        flops.main()
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
