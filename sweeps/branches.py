"""Do branches of one trunk end where whole runs would? Four budgets, two sizes, three seeds.

    python -m sweeps.launch --sweep sweeps/branches.py --root runs/branches/whole \
        --set autoencoder.dir=runs/demo/autoencoder --set cache=runs/demo/latents
    ... the same with --root runs/branches/branched --set sweep.branch=True

Whole runs of the demo's schedule (cosine) and of the trunk's (wsd), each with the demo's learning
rate for its own budget; then the wsd runs as branches, with one rate for all. 48 and 30 runs, 7.1
TFLOPs, half an hour on two crowded cores. Expected: no difference that three seeds could tell.
Result: none at one budget, but over all budgets the smaller size's curve is flatter than that of
whole wsd runs, by 0.010 [0.005, 0.015] in the exponent. See analysis/results/branches/.
"""

import itertools
from collections.abc import Iterator
from typing import Any

from sweeps import demo

EXPERIMENT = "experiments/demo.py"
SIZES = ("w32d2", "w48d2")
TIMES = (1, 2, 4, 8)  # the demo's unit
SEEDS = (0, 1, 2)


def sweep(base: Any) -> Iterator[dict[str, Any]]:
    """Overrides of `base` for each run."""
    schedules = ("wsd",) if base.sweep.branch else ("cosine", "wsd")
    for size, times in itertools.product(SIZES, TIMES):
        cell = demo.cell(base, size, times)
        for schedule, seed in itertools.product(schedules, SEEDS):
            more = {"optimizer.schedule": schedule, "seed": seed}
            yield cell | more | {"evaluation.clips": 0}
