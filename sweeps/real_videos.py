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

import itertools
from collections.abc import Iterator
from typing import Any

from sweeps import demo

EXPERIMENT = "experiments/demo.py"
SIZES, SEEDS = ("w20d2", "w32d2"), (0, 1)
TIMES = (1 / 3, 8 / 3)  # of the demo's unit


def sweep(base: Any) -> Iterator[dict[str, Any]]:
    """Overrides of `base` for each run."""
    for size, times in itertools.product(SIZES, TIMES):
        cell = demo.cell(base, size, times, **{"model.given": 0.5})
        yield from (cell | {"seed": seed} for seed in SEEDS)
