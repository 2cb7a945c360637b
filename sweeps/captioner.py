"""Does more compute give better captions? Three budgets of the captioner, two seeds.

    python -m sweeps.launch --sweep sweeps/captioner.py --root runs/captioner

The world of the long curve (one or two objects, gravity, bars), whose captions are exact, in the
latents of its autoencoder, which is kept with its results. 1.3 TFLOPs. Result: number, colour and
size are learnt by 16x, shapes in part, motion hardly. See analysis/results/captioner/.
"""

from collections.abc import Iterator
from typing import Any

from experiments import long, long_autoencoder
from sweeps import demo
from sweeps.launcher.grid import steps_for, with_overrides
from vdit.config.flops import training_flops_per_clip

EXPERIMENT = "experiments/captioner.py"
SIZE, TIMES, SEEDS, BATCH = "w32d2", (1, 4, 16), (0, 1), 16
AUTOENCODER = long_autoencoder.CAUSAL | {"dir": "analysis/results/long/autoencoder"}


def sweep(base: Any) -> Iterator[dict[str, Any]]:
    """Overrides of `base` for each run."""
    shared = {"autoencoder": AUTOENCODER, "data.world": long.WORLD, "model.size": SIZE}
    shared |= {"data.validation_clips": 1024, "evaluation.clips": 1024, "batch": BATCH}
    flops = training_flops_per_clip(with_overrides(base, shared))
    for times in TIMES:
        budget = times * demo.UNIT
        steps = {"flops_budget": budget, "steps": steps_for(budget, flops, BATCH, SIZE)}
        for seed in SEEDS:
            yield shared | steps | {"seed": seed}
