"""What is uncertain of the published estimate, and of one's own model: intervals, the tornado."""

import math

import numpy as np
import pytest

from analysis import economics
from analysis.costs import own, sora, uncertainty
from analysis.planning import devices
from tests.analysis.economics_test import write_run


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path)


def test_intervals_hold_the_point_and_are_reproducible(run):
    found, again, other = (economics.own(*own.read(run), seed=seed) for seed in (0, 0, 1))
    assert found.intervals == again.intervals != other.intervals
    ours = {row.name: row.value for row in found.rows}
    for name, (low, _, high) in found.intervals.items():
        assert low < ours[name] < high


def test_intervals_are_those_of_the_stated_distributions(run):
    drawn = uncertainty.draws(_own_chain(run), count=200_000, seed=3)
    ends = uncertainty.intervals(drawn, ("price", "sampler_steps", "minute"))
    assert ends["price"] == pytest.approx([1.25, 2.5, 5], rel=0.02)
    uniform = [16 * 4**share for share in (0.025, 0.5, 0.975)]
    assert ends["sampler_steps"] == pytest.approx(uniform, rel=0.02)
    assert np.corrcoef(drawn["minute"], drawn["sampler_steps"])[0, 1] == pytest.approx(1)


def test_a_users_value_moves_its_range(run):
    drawn = uncertainty.draws(_own_chain(run), {"price": 10}, count=50_000)
    assert uncertainty.intervals(drawn, ["price"])["price"] == pytest.approx([5, 10, 20], rel=0.03)


def _own_chain(run):
    return own.chain_of(*own.read(run), devices.device("h100"))


def test_the_tornado_goes_from_end_to_end_widest_first():
    bars = uncertainty.tornado(sora.CHAIN, "h100s_at_peak", sora.TRUE_FLOPS)
    widths = [abs(math.log(bar.target_high / bar.target_low)) for bar in bars]
    assert widths == sorted(widths, reverse=True)
    named = {bar.name: bar for bar in bars}
    assert (named["steps"].low, named["steps"].high) == (50, 500)
    assert named["steps"].target_high / named["steps"].target_low == pytest.approx(10)
    assert named["compression"].target_high / named["compression"].target_low == pytest.approx(
        1 / 4
    )
    assert {q.name for q in sora.CHAIN if q.spread} == set(named)


def test_what_is_set_above_an_input_cuts_it_off():
    assert "steps" not in uncertainty.inputs(sora.CHAIN, "h100s", {"sora_minute": 1e18})
