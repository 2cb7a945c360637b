"""`analysis.published`: published tables beside what was published, and their like, planted."""

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis.calibration import published as planted
from analysis.frontier.laws import Exponent
from analysis.published import __main__ as command
from analysis.published import compared
from tests.paths import ROOT, reference
from vdit.errors import InputError

TOO_NARROW = 1.5  # at most, of an interval


def test_the_tables_that_are_there_are_fitted_and_the_others_named(tmp_path, capsys):
    fits = tmp_path / "reference" / "fits"
    fits.mkdir(parents=True)
    for name in ("dit", "epoch_chinchilla", "video_dit_published"):
        (fits / name).symlink_to(reference(f"fits/{name}"))
    out = tmp_path / "table.csv"
    command.main(["--shared", str(tmp_path), "--bootstrap", "100", "--out", str(out)])
    said = capsys.readouterr()
    assert "gemstones: not there, left out" in said.err
    assert "correlation of FID with log G" in said.out
    table = pd.read_csv(out)
    epoch = table[table["table"] == "epoch_chinchilla"]
    assert len(epoch) == 12
    assert epoch["inside"].all()
    lad = epoch[epoch["what"] == "chinchilla, lad"]
    assert lad["ours"].to_numpy() == pytest.approx(lad["published"].to_numpy(), rel=2e-4)


def test_a_folder_without_the_tables_is_one_line(tmp_path):
    with pytest.raises(InputError, match="holds none of the tables"):
        command.main(["--shared", str(tmp_path)])


def test_a_number_lies_inside_its_interval_or_not():
    row = compared.Compared("t", "w", "a", 0.5, 0.48, None, (0.46, 0.49))
    assert row.as_dict()["inside"] is False
    assert (row.as_dict()["interval_low"], row.as_dict()["published_interval_low"]) == (0.46, None)
    assert compared.Compared("t", "w", "a", 0.5, 0.48).inside is None


@pytest.mark.parametrize("name", ["llama", "porian"])
def test_published_exponents_come_back_inside_honest_intervals(name):
    law, plant = planted.PLANTED[name]
    off = {"isoflop": [], "chinchilla": []}
    for seed in range(4):
        table = plant(np.random.default_rng(seed))
        laws = analysis.fit(table, "isoflop", bootstrap=100).laws
        for way, found in off.items():
            if interval := laws[way].intervals.get("a"):
                found.append(1.96 * (laws[way].derived["a"] - law.a) / np.ptp(interval) * 2)
    for way, found in off.items():
        assert len(found) >= 2, way
        assert np.sqrt(np.mean(np.square(found))) < TOO_NARROW, way


def test_no_planted_exponents_interval_is_much_too_narrow():
    rows = pd.read_csv(ROOT / "analysis/results/published/planted.csv")
    assert set(rows["planted"]) == set(planted.TABLES)
    assert (rows["identified"] >= 0.9 * rows["sweeps"]).all()
    assert rows["narrow"].max() < TOO_NARROW
    with pytest.raises(InputError, match="--published llama3: expected one of llama, porian"):
        next(planted.held(["llama", "llama3"], 1, 0))  # before any is planted


def test_what_is_counted_of_planted_exponents():
    """Two intervals of four hold 1, off by -4, -1, 0 and 4: rms 2.87 for a half width of 2."""
    said = [(1.0, Exponent(a, [a - 2, a + 2])) for a in (-3.0, 0.0, 1.0, 5.0)]
    found = planted.counted("some", "way", 5, said)
    assert (found.sweeps, found.identified, found.held) == (5, 4, 2)
    assert (found.off, found.half_width, found.narrow) == (-0.25, 2.0, 2.81)
