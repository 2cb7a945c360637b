"""Two sizes at three budgets on a set of several shapes; run.sh beside it launches it.

The sizes are the one asked for and the next of the ladder; the smallest budget is what `steps`
steps of the larger one take.
"""

from collections.abc import Iterator
from typing import Any

from sweeps import demo
from sweeps.launcher.grid import steps_for, with_overrides
from vdit.config import sizes
from vdit.config.flops import training_flops_per_clip

EXPERIMENT = "experiments/buckets.py"
TIMES = 1, 2, 4


def sweep(base: Any) -> Iterator[dict[str, Any]]:
    """Overrides of `base` for each run."""
    ladder = list(sizes.SIZES)
    smaller = ladder.index(base.model.size)
    flops = {
        size: training_flops_per_clip(with_overrides(base, {"model.size": size}))
        for size in ladder[smaller : smaller + 2]
    }
    unit = base.steps * base.batch * max(flops.values())
    for times in TIMES:
        for size, each in flops.items():
            yield {
                "model.size": size,
                "optimizer.flatten": True,  # small models: quicker to compile and to step
                "flops_budget": times * unit,
                "steps": steps_for(times * unit, each, base.batch, size),
                "optimizer.lr": demo.learning_rate(sizes.size_of(size).width, times),
            }
