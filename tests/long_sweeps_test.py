"""The long curve's sweeps, cell by cell: what they cost, and four sizes at each budget."""

import collections

import pytest

from experiments import long as experiment
from sweeps import long, long_variants
from sweeps.launcher.grid import with_overrides
from vdit.config.flops import training_flops_per_clip


def cells(sweep, arg=None):
    base = experiment.get_config(arg)
    return [(cell, with_overrides(base, cell)) for cell in sweep.sweep(base)]


def spent(cell, config):
    return cell["steps"] * cell["batch"] * training_flops_per_clip(config)


def by_budget(found):
    """{budget in times of the first: {width}}."""
    widths = collections.defaultdict(set)
    for cell, _ in found:
        widths[cell["flops_budget"] / long.UNIT].add(cell["model.width"])
    return widths


def test_a_gpu_adds_two_budgets_in_float32_and_changes_no_other_cell():
    here, there = cells(long), cells(long, "device=gpu")
    further = [(cell, config) for cell, config in there if cell not in [c for c, _ in here]]
    assert len(here) + 8 == len(there)
    assert {config.model.dtype for _, config in there} == {"float32"}
    assert by_budget(further) == {t: set(w) for t, w in long.FURTHER.items()}
    assert sum(spent(*one) for one in further) == pytest.approx(9.83e15, rel=0.005)
    for cell, config in further:
        assert spent(cell, config) == pytest.approx(cell["flops_budget"], rel=0.005)
        assert cell["model.width"] % (2 * cell["model.heads"]) == 0


def test_each_variant_has_as_many_sizes_at_each_budget_as_the_curve():
    found = cells(long_variants)
    for variant in long_variants.VARIANTS:
        of_it = [one for one in found if one[0]["model.attention"] == variant["model.attention"]]
        assert {times: len(widths) for times, widths in by_budget(of_it).items()} == {
            times: len(widths)
            for times, widths in long.WIDTHS.items()
            if times <= long_variants.LARGEST
        }
    assert sum(spent(*one) for one in found) == pytest.approx(3.05e13, rel=0.005)


def test_as_dear_as_the_curves_own_models_are_these_themselves_and_none_comes_twice():
    base, full = experiment.get_config(), {"model.attention": "full"}

    def widths(asked, variant=full):
        return [size["model.width"] for size in long_variants.as_dear_as(base, asked, variant)]

    assert widths(long.WIDTHS[64]) == list(long.WIDTHS[64])
    assert widths((40, 40, 40)) == [40, 36, 32]
    assert widths((24, 28), long_variants.VARIANTS[1]) == [24, 28]  # both are below the first
