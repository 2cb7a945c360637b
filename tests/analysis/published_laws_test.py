"""The published laws of image and video DiTs give the values their papers check themselves by."""

import json

import numpy as np
import pandas as pd
import pytest

from analysis.laws import loglinear, published
from analysis.laws.published import evaluate
from tests.paths import reference
from vdit.errors import InputError

PETA = 1e15


@pytest.mark.parametrize(
    ("law", "flops", "params", "tokens"),
    [
        ("hunyuan_image", 5.8e7 * PETA, 12.962712533946345e9, 738.2910733616524e9),
        ("hunyuan_video", 7e7 * PETA, 13.026215991161596e9, 927.2693671230622e9),
        ("liang", 1.5e21, 964672623.2286823, 261489980047.0471),
    ],
)
def test_sizes_and_tokens_at_the_papers_own_checks(law, flops, params, tokens):
    n, d = evaluate(law, "params", flops=flops), evaluate(law, "tokens", flops=flops)
    assert (n, d) == pytest.approx((params, tokens), rel=1e-9)
    assert 6 * n * d / flops == pytest.approx(1, abs=0.05)  # a law of N and one of D are one law


def test_the_checks_as_the_papers_print_them():
    assert evaluate("hunyuan_image", "params", flops=5.8e22) == pytest.approx(13e9, rel=0.005)
    assert evaluate("hunyuan_image", "tokens", flops=5.8e22) == pytest.approx(740e9, rel=0.005)
    assert evaluate("hunyuan_video", "params", flops=7e22) == pytest.approx(13e9, rel=0.005)
    assert evaluate("hunyuan_video", "tokens", flops=7e22) == pytest.approx(928e9, rel=0.005)
    assert evaluate("liang", "params", flops=1.5e21) == pytest.approx(958.3e6, rel=0.01)
    assert evaluate("yin_tuned", "params", flops=1e22) == pytest.approx(2.43e9, rel=0.005)


def test_yin_and_liang_to_all_digits():
    at = {"params": 1.07e9, "tokens": 4e9}
    assert evaluate("yin", "batch", **at) == pytest.approx(67680.21742454129, rel=1e-12)
    assert evaluate("yin", "lr", **at) == pytest.approx(1.857802078585868e-4, rel=1e-12)
    at["tokens"] = 1e10
    assert evaluate("yin", "batch", **at) == pytest.approx(141904.86087040437, rel=1e-12)
    assert evaluate("yin", "params", flops=1e22) == pytest.approx(2086890244.9084532, rel=1e-9)
    assert evaluate("liang", "fid", flops=1.5e21) == pytest.approx(25.017806502126565, rel=1e-9)
    assert evaluate("liang", "loss", flops=1.5e21) == pytest.approx(0.6325156480434136, rel=1e-9)


def test_the_numbers_are_those_of_the_reference():
    laws = json.loads(reference("fits/video_dit_published/published_laws.json").read_text())
    hunyuan = laws["hunyuanvideo_2412.03603_sec4.4"]
    for name, key in (("hunyuan_image", "T2X_image"), ("hunyuan_video", "T2X_video")):
        for output, k, exponent in (("params", "a1", "b1"), ("tokens", "a2", "b2")):
            law = published.law(name, output)
            assert (law.k, law.exponents["flops"]) == (hunyuan[key][k], hunyuan[key][exponent])


def test_arrays_go_through_and_wrong_names_are_one_line():
    flops = np.array([1e20, 1e21])
    n = evaluate("liang", "params", flops=flops)
    assert n[1] / n[0] == pytest.approx(10**0.5681)
    with pytest.raises(InputError, match="law in tokens, params; got flops"):
        evaluate("yin", "lr", flops=1e21)
    with pytest.raises(InputError, match="expected one of: hunyuan_image params"):
        published.law("sora", "params")


def test_dits_table_follows_compute_and_not_size():
    runs = pd.read_csv(reference("fits/dit/dit_table4_400k.csv"))
    gflops, fid = runs["gflops_fwd"], runs["fid50k_nocfg_400k"]
    assert np.corrcoef(np.log10(gflops), fid)[0, 1] == pytest.approx(-0.9298, abs=5e-5)
    assert np.corrcoef(np.log(gflops), np.log(fid))[0, 1] == pytest.approx(-0.9356, abs=5e-5)
    # -0.471 in the table's README: sizes alone explain little.
    assert np.corrcoef(np.log(runs["params_M"]), fid)[0, 1] == pytest.approx(-0.471, abs=1e-3)
    law = loglinear.fit({"gflops": gflops}, fid)
    found = law.parameters()
    assert found["k"] == pytest.approx(137.8, abs=0.05)
    assert found["gflops"] == pytest.approx(-0.365, abs=5e-4)
    low, high = law.intervals()["gflops"]
    assert -0.5 < low < -0.365 < high < -0.25


def test_a_power_law_of_two_inputs_is_recovered():
    rng = np.random.default_rng(0)
    n, d = np.exp(rng.uniform(10, 20, (2, 12)))
    law = loglinear.fit({"params": n, "tokens": d}, 3.0 * n**-0.4 * d**0.2)
    assert law.parameters() == pytest.approx({"k": 3.0, "params": -0.4, "tokens": 0.2}, rel=1e-9)
    said = law.predict({"params": 1e9, "tokens": 1e10})
    assert said.value == pytest.approx(3.0 * 1e9**-0.4 * 1e10**0.2)
    assert said.interval == pytest.approx([said.value, said.value])


def test_its_t_intervals_cover_what_was_planted():
    """Six rows: with normal quantiles (1.96 for 3.18) some 86 of 100 would cover."""
    rng, hits, trials = np.random.default_rng(1), 0, 600
    n, d = np.exp(rng.uniform(10, 20, (2, 6)))
    for _ in range(trials):
        y = 3.0 * n**-0.4 * d**0.2 * np.exp(0.1 * rng.standard_normal(6))
        low, high = loglinear.fit({"params": n, "tokens": d}, y).intervals()["params"]
        hits += low < -0.4 < high
    assert 0.925 < hits / trials < 0.975


def test_inputs_that_move_together_are_refused():
    n = np.geomspace(1e6, 1e9, 5)
    with pytest.raises(InputError, match="needs 3 rows that differ in each of them independently"):
        loglinear.fit({"params": n, "tokens": 20 * n}, n**-0.3)
