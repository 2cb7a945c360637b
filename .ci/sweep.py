"""Four tiny runs in pixel space, two sizes at two budgets: see `.ci/smoke`."""

from collections.abc import Iterator
from typing import Any

from sweeps.launcher.grid import steps_for, with_overrides
from vdit.config.flops import training_flops_per_clip

EXPERIMENT = "experiments/base.py"


def sweep(base: Any) -> Iterator[dict[str, Any]]:
    """Overrides of `base` for each run."""
    for size in ("w20d2", "w24d2"):
        given = {"model.size": size, "batch": 8}
        flops = training_flops_per_clip(with_overrides(base, given))
        for budget in (4e10, 8e10):
            yield given | {"flops_budget": budget, "steps": steps_for(budget, flops, 8, size)}
