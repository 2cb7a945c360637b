"""The cheapest model over its life: published numbers, a fine search, and intervals."""

import json

import numpy as np
import pandas as pd
import pytest

from analysis import plan
from analysis.fitting.result import Fit
from analysis.fitting.table import fit_table
from analysis.planning import inference, make, optimum
from tests.analysis.synthetic_sweep import make_rows
from vdit.errors import InputError

HOFFMANN = {"A": 406.4, "B": 410.7, "E": 1.69, "alpha": 0.336, "beta": 0.283}
LADDER = optimum.Ladder(np.array([0.0]), np.log([6.0]))


def surface(**changed):
    """Hoffmann's law, then one draw for each value of what is changed."""
    law = {k: np.concatenate([[v], changed.get(k, [])]) for k, v in HOFFMANN.items()}
    count = max(len(v) for v in law.values())
    whole = {k: np.concatenate([v, np.full(count - len(v), v[0])]) for k, v in law.items()}
    return optimum.Surface("chinchilla", whole, LADDER)


def compute_of(law, size):
    """The compute of which `size` is the best, by the optimum's closed form."""
    p = {k: v[0] for k, v in law.parameters.items()}
    G = (p["alpha"] * p["A"] / (p["beta"] * p["B"])) ** (1 / (p["alpha"] + p["beta"]))
    return np.array([6 * (size / G) ** ((p["alpha"] + p["beta"]) / p["beta"])])


def test_the_example_of_the_paper():
    """2401.00448, figure 1: 13B and 2e12 tokens served: 7B saves 1.7e22 FLOPs, 17 %."""
    law = surface()
    flops = compute_of(law, 13e9)
    found = inference.cheapest(law, law.loss(flops), 2e12, flops)
    assert found.size.value == pytest.approx(7e9, rel=0.01)
    less = found.optimal_total.value - found.total.value
    assert less == pytest.approx(1.7e22, rel=0.01)
    assert found.saved.value == pytest.approx(0.17, abs=0.005)


@pytest.mark.parametrize("tokens", [0.0, 1e11, 1e14])
def test_it_is_the_least_of_a_fine_search(tokens):
    law, size = surface(), np.geomspace(1e8, 1e11, 100_001)
    flops = compute_of(law, 13e9)
    loss = law.loss(flops)
    found = inference.cheapest(law, loss, tokens, flops)
    p = HOFFMANN
    with np.errstate(invalid="ignore"):
        train = (p["B"] / (loss - p["E"] - p["A"] * size ** -p["alpha"])) ** (1 / p["beta"])
    least = np.nanmin(6 * size * train + 2 * size * tokens)
    assert found.total.value == pytest.approx(least, rel=1e-6)
    assert found.total.value <= least * (1 + 1e-9)
    if not tokens:
        assert found.size.value == pytest.approx(13e9, rel=1e-3)
        assert found.saved.value == pytest.approx(0, abs=1e-9)


def test_intervals_are_those_of_the_draws_and_none_reaches_below_the_floor():
    law = surface(alpha=np.linspace(0.32, 0.35, 41))
    flops = np.full(42, 5e22)
    found = inference.cheapest(law, law.loss(flops), 2e12, flops)
    each = [
        inference.cheapest(surface(alpha=[a]), surface(alpha=[a]).loss(flops[:2]), 2e12, flops[:2])
        for a in (0.32, 0.35)
    ]
    ends = sorted(one.size.interval[0] for one in each)
    low, high = found.size.interval
    assert ends[0] <= low < found.size.value < high
    lost = inference.cheapest(law, np.full(42, 1.5), 1e12, np.full(42, np.inf))
    assert lost.total.value == np.inf


def test_clips_are_tokens_of_every_pass():
    rows = pd.DataFrame({"tokens": [1920.0, 3840.0], "clips": [10.0, 20.0]})
    assert inference.demand(None, 1e6, 100, rows) == 1e6 * 100 * 192
    assert inference.demand(5.0, None, 100, None) == 5.0
    assert inference.demand(None, None, 100, None) is None
    with pytest.raises(InputError, match="give the runs, --table"):
        inference.demand(None, 1e6, 100, None)
    with pytest.raises(InputError, match="-1 inference tokens"):
        inference.demand(-1.0, None, 100, None)


def test_the_command_says_what_serving_moves(tmp_path, capsys):
    rows = pd.DataFrame(make_rows(6))
    rows.to_csv(tmp_path / "results.csv")
    (tmp_path / "fit.json").write_text(json.dumps(fit_table(rows, bootstrap=60).to_json()))
    files = [str(tmp_path / "fit.json"), "--table", str(tmp_path / "results.csv")]
    out = tmp_path / "plan.json"
    plan.main([*files, "--flops", "1e13", "--clips_served", "1e7", "--out", str(out)])
    said = capsys.readouterr().out
    found = json.loads(out.read_text())
    loss = found["inference"]["loss"]["value"]
    assert f"Cheapest at a loss of {loss:.4f} with 1.92e+11 inference tokens" in said
    assert loss == pytest.approx(optimum.source(found_fit(tmp_path), "chinchilla").loss(1e13)[0])
    assert found["inference"]["size"]["value"] < found["size"]["value"]
    most = (rows["tokens"] / rows["params"]).max()
    ratio = found["inference"]["tokens"]["value"] / found["inference"]["size"]["value"]
    assert found["inference"]["beyond"] == pytest.approx(ratio / most)
    assert "times as many tokens per parameter as any run fitted" in said
    low, high = found["inference"]["saved"]["interval"]
    assert 0 < low < found["inference"]["saved"]["value"] < high < 1
    assert make.plan(found_fit(tmp_path), 1e13).inference is None


def found_fit(folder):
    return Fit.from_json(json.loads((folder / "fit.json").read_text()))
