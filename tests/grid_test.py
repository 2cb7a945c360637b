"""Steps from budgets, and every refusal that keeps a bad cell from starting."""

import ml_collections
import pytest

from sweeps.launcher import grid
from vdit.errors import InputError


def config():
    return ml_collections.ConfigDict(
        {
            "steps": 100,
            "model": {"size": "w", "width": 64, "patch": (1, 2, 2)},
            "optimizer": {"lr": 1e-3},
        }
    )


def test_steps_spend_the_budget():
    assert grid.steps_for(6e9, 1e5, batch=16) == 3750
    assert grid.steps_for(1.0049e9, 1e5, batch=100) == 100


def test_too_small_a_budget_names_size_budget_and_the_least():
    with pytest.raises(InputError, match=r"size w96.*9\.9e\+08 FLOPs is 99 steps.*1e\+09 FLOPs"):
        grid.steps_for(9.9e8, 1e5, batch=100, size="w96")


def test_the_least_budget_that_the_error_names_is_enough():
    assert grid.steps_for(1e9, 1e5, batch=100) == grid.MINIMUM_STEPS


def test_overrides_leave_the_base_as_it_was():
    base = config()
    changed = grid.with_overrides(base, {"optimizer.lr": 1, "model.patch": [2, 2, 2]})
    assert (changed.optimizer.lr, changed.model.patch) == (1.0, (2, 2, 2))
    assert (base.optimizer.lr, base.model.patch) == (1e-3, (1, 2, 2))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"model.widht": 8}, r"unknown config key model\.widht; did you mean model\.width\?"),
        ({"steps.more": 8}, r"unknown config key steps\.more"),
        ({"steps": "many"}, "config key steps: 'many' has the wrong type"),
    ],
)
def test_overrides_are_checked(overrides, message):
    with pytest.raises(InputError, match=message):
        grid.with_overrides(config(), overrides)


def test_settings_are_literals_or_strings():
    found = grid.parse_settings(["a.b=3", "c=1e-3", "d=worlds", "e=(1, 2)", "f=x=y"])
    assert found == {"a.b": 3, "c": 1e-3, "d": "worlds", "e": (1, 2), "f": "x=y"}
    with pytest.raises(InputError, match="--set steps: expected key=value"):
        grid.parse_settings(["steps"])
