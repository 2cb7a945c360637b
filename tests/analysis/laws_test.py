"""Every law gives back what was planted; a published table gives the published numbers."""

import numpy as np
import pandas as pd
import pytest

from analysis.frontier import curve
from analysis.laws import chinchilla, forms
from tests.paths import reference

FLOPS = np.geomspace(1e11, 32e11, 6)


def fit_one(law, loss, sd=None):
    sd = np.ones(len(loss)) if sd is None else sd
    return tuple(v[0] for v in curve.fit(law, np.log(FLOPS), loss[None], sd))


def test_the_forms_of_the_frontier_agree():
    reference = 3e11
    C0, g = 5e9, 0.2
    A = (C0 / reference) ** g
    one = forms.frontier(FLOPS, 0.3, C0, g)
    np.testing.assert_allclose(one, forms.frontier_at(FLOPS, reference, 0.3, A, g), rtol=1e-12)


@pytest.mark.parametrize("g", [0.02, 0.1, 0.35, 0.9])
@pytest.mark.parametrize("E", [0.05, 0.3])
def test_the_floor_is_recovered_without_noise(E, g):
    loss = forms.frontier_at(FLOPS, curve.reference(np.log(FLOPS)), E, 0.4, g)
    np.testing.assert_allclose(fit_one("frontier", loss), (E, 0.4, g), rtol=1e-5, atol=1e-6)


def test_the_power_law_is_recovered_without_noise():
    loss = forms.power(FLOPS, 20.0, -0.13)
    for law in ("power", "local"):
        E, _, g = fit_one(law, loss)
        assert E == 0
        assert g == pytest.approx(0.13, rel=1e-9)


def test_a_floor_the_data_speak_against_is_named_as_zero():
    concave = forms.power(FLOPS, 1.0, -0.1) - 0.002 * np.arange(6) ** 2
    E, _, g = fit_one("frontier", concave)
    assert E == 0
    assert "E is zero" in curve.status("frontier", 6, E, g)


def test_three_budgets_do_not_identify_a_floor():
    assert "not identified" in curve.status("frontier", 3, 0.2, 0.2)
    assert curve.status("frontier", 6, 0.2, 0.2) == "converged"
    assert "not told from zero" in curve.status("frontier", 6, 0.2, 0.2, share_at_zero=0.3)


def test_a_well_known_budget_weighs_more():
    loss = forms.power(FLOPS, 20.0, -0.13)
    loss[0] *= 1.2
    sure, unsure = np.ones(6), np.ones(6)
    unsure[0] = 100.0
    off, near = (abs(fit_one("power", loss, sd)[2] - 0.13) for sd in (sure, unsure))
    assert near < 1e-4 < off


def planted(noise=0.0):
    n = np.repeat(np.geomspace(1e5, 1e7, 6), 5)
    d = np.tile(np.geomspace(1e6, 1e9, 5), 6)
    rng = np.random.default_rng(0)
    loss = forms.chinchilla(n, d, 0.3, 40.0, 30.0, 0.4, 0.3)
    return n, d, loss * np.exp(noise * rng.standard_normal(len(n)))


def test_chinchilla_is_recovered_without_noise():
    found = chinchilla.fit(*planted())
    truth = {"A": 40.0, "B": 30.0, "E": 0.3, "alpha": 0.4, "beta": 0.3}
    assert found["parameters"] == pytest.approx(truth, rel=1e-6)
    assert found["status"] == "converged"


def test_chinchilla_is_within_its_interval_with_noise():
    found = chinchilla.fit(*planted(0.01), bootstrap=200, rng=np.random.default_rng(1))
    for name, truth in {"E": 0.3, "alpha": 0.4, "beta": 0.3}.items():
        low, high = found["intervals"][name]
        assert low < truth < high
        assert high - low < 0.5 * truth


def test_chinchilla_says_what_the_data_do_not_identify():
    n, d, loss = planted()
    assert "not identified" in chinchilla.fit(n[:5], d[:5], loss[:5])["status"]
    flat = chinchilla.fit(n, d, 1 + 0 * loss)
    assert flat["status"] != "converged"


def test_the_optimum_of_chinchilla_is_a_minimum():
    n, d = forms.chinchilla_optimum(1e13, 40.0, 30.0, 0.4, 0.3)
    assert 6 * n * d == pytest.approx(1e13)
    sizes = n * np.array([0.9, 1.0, 1.1])
    losses = forms.chinchilla(sizes, 1e13 / 6 / sizes, 0.3, 40.0, 30.0, 0.4, 0.3)
    assert losses.argmin() == 1


def test_the_published_chinchilla_table_gives_the_published_numbers():
    runs = pd.read_csv(reference("fits/epoch_chinchilla/svg_extracted_data.csv"))
    runs = runs[runs["loss"] < runs["loss"].nlargest(5).min()]
    assert len(runs) == 240
    n = runs["Model Size"]
    d = runs["Training FLOP"] / (6 * n)
    found = chinchilla.fit(n, d, runs["loss"], bootstrap=300, rng=np.random.default_rng(0))
    truth = {"A": 477.826, "B": 2143.417, "E": 1.817218, "alpha": 0.347310, "beta": 0.367172}
    assert found["parameters"] == pytest.approx(truth, rel=1e-5)
    assert found["objective_value"] == pytest.approx(0.00101827401780, rel=1e-9)
    assert found["derived"]["a"] == pytest.approx(0.5139, abs=1e-4)
    # Three hundred resamples know the ends of an interval to a tenth of its width or so.
    published = {"E": (1.769, 1.871), "alpha": (0.317, 0.373), "beta": (0.331, 0.415)}
    for name, (low, high) in published.items():
        got = found["intervals"][name]
        assert got == pytest.approx([low, high], abs=0.12 * (high - low))
