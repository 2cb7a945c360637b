"""Does compute buy better futures? Models that are given frames, from 1x to 32x of the demo's unit.

    python -m sweeps.launch --sweep sweeps/continuations.py --root runs/continuations \
        --set autoencoder.dir=runs/demo/autoencoder --set cache=runs/demo/latents

Half of the training clips have some of their frames given. Each model is then asked to animate,
extend (both ways), interpolate and loop clips of the validation set, and the objects in what it
made are looked for where the world has them. Result: analysis/results/continuations/.
"""

from collections.abc import Iterator
from typing import Any

from sweeps import demo

EXPERIMENT = "experiments/demo.py"
# About the best size of each budget in the demo's sweep.
SIZES = {1: "w24d2", 2: "w24d2", 4: "w32d2", 8: "w48d2", 16: "w48d2", 32: "w64d2"}
SEEDS = (0, 1)


def sweep(base: Any) -> Iterator[dict[str, Any]]:
    """Overrides of `base` for each run."""
    for times, size in SIZES.items():
        cell = demo.cell(base, size, times, **{"model.given": 0.5})
        yield from (cell | {"seed": seed} for seed in SEEDS)
