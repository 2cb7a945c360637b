"""Buckets or square crops? The same videos in their own shapes and cropped, at matched FLOPs.

    python -m vdit.prepare --videos DIR --out data/shapes --frames 9 --size 32 --split FILE \
        --buckets auto
    python -m vdit.prepare --videos DIR --out data/square --frames 9 --size 32 --split FILE
    python -m sweeps.launch --sweep sweeps/buckets.py:shapes=data/shapes,square=data/square \
        --root runs/buckets

`shapes_loss` is of the validation clips of the buckets at their shapes, for both kinds of runs, and
`shapes_loss_40x24@9` of one bucket's. A budget of buckets is that of their mean step. Each set
would draw a split of its own, and a clip that one trains on be held out in the other: so both take
the same --split FILE. It has not been run: no set of six shapes lies in the tests.
"""

from collections.abc import Iterator
from typing import Any

from sweeps.launcher.grid import steps_for, with_overrides
from vdit.config.flops import training_flops_per_clip
from vdit.config.sizes import size_of

EXPERIMENT = "experiments/buckets.py"
UNIT = 1e13  # FLOPs at 1x
SIZES = {1: "w96d4", 4: "w128d4"}  # about the best of each budget
SEEDS, BATCH = (0, 1, 2), 32


def sweep(base: Any) -> Iterator[dict[str, Any]]:
    """Overrides of `base` for each run."""
    for times, size in SIZES.items():
        for folder in (base.evaluators.shapes.dir, base.data.dir):
            given = {"model.size": size, "data.dir": folder, "batch": BATCH}
            flops = training_flops_per_clip(with_overrides(base, given))
            for seed in SEEDS:
                yield given | {
                    "seed": seed,
                    "flops_budget": times * UNIT,
                    "steps": steps_for(times * UNIT, flops, BATCH, size),
                    "optimizer.lr": 1e-2 * (64 / size_of(size).width) ** 0.5 * times**-0.15,
                }
