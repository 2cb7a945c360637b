"""Short runs of the demo's sizes, to see how many of them an hour holds in a mode of the launcher.

    python -m sweeps.launch --sweep sweeps/short.py --root runs/packed --mode packed \
        --set autoencoder.dir=runs/demo/autoencoder cache=runs/demo/latents

Two sizes at one and two units of the demo's budget; the learning rate does not matter here.
"""

from collections.abc import Iterator
from typing import Any

from sweeps import demo
from sweeps.launcher.grid import steps_for, with_overrides
from vdit.config.flops import training_flops_per_clip

EXPERIMENT = "experiments/demo.py"
SIZES = ("w24d2", "w48d2")
SEEDS = (0, 1)
TIMES = (1, 2)


def sweep(base: Any) -> Iterator[dict[str, Any]]:
    """Overrides of `base` for each run."""
    for size in SIZES:
        given = {"model.size": size, "batch": demo.BATCH}
        flops = training_flops_per_clip(with_overrides(base, given))
        for times in TIMES:
            budget = times * demo.UNIT
            steps = steps_for(budget, flops, demo.BATCH, size)
            for seed in SEEDS:
                yield given | {"flops_budget": budget, "steps": steps, "seed": seed}
