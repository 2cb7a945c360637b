"""Does a verdict on real videos rest on their own scores? Two budgets of two sizes, two seeds.

    python -m vdit.prepare --videos ../shared/data/clips --out runs/clips/data \
        --frames 9 --size 32 --hop 3
    python -m vdit.main --config experiments/autoencoder.py:videos=runs/clips/data \
        --workdir runs/clips/autoencoder
    python -m sweeps.launch --sweep sweeps/real_videos.py:videos=runs/clips/data \
        --root runs/clips --set autoencoder.dir=runs/clips/autoencoder \
        --set cache=runs/clips/latents

Half of the clips are trained with frames given. Result: see analysis/results/quality/.
"""

from collections.abc import Iterator
from typing import Any

from sweeps import demo
from sweeps.launcher.grid import steps_for, with_overrides
from vdit.config.flops import training_flops_per_clip
from vdit.config.sizes import size_of

EXPERIMENT = "experiments/demo.py"
SIZES, SEEDS = ("w20d2", "w32d2"), (0, 1)
TIMES = (1 / 3, 8 / 3)  # of the demo's unit


def sweep(base: Any) -> Iterator[dict[str, Any]]:
    """Overrides of `base` for each run."""
    for size in SIZES:
        given = {"model.size": size, "model.given": 0.5, "batch": demo.BATCH}
        flops = training_flops_per_clip(with_overrides(base, given))
        for times in TIMES:
            budget = times * demo.UNIT
            steps = steps_for(budget, flops, demo.BATCH, size)
            rate = demo.learning_rate(size_of(size).width, times)
            for seed in SEEDS:
                yield given | {
                    "flops_budget": budget,
                    "steps": steps,
                    "seed": seed,
                    "optimizer.lr": rate,
                }
