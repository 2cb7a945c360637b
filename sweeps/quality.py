"""Which scores of videos fall with compute, and which say nothing? Three budgets of three sizes.

    python -m vdit.main --config experiments/autoencoder.py --config.data.world.occluder=0.3 \
        --workdir runs/quality/autoencoder
    python -m sweeps.launch --sweep sweeps/quality.py --root runs/quality

Half of the clips are trained with frames given, three in ten have a bar, and some combinations of
words are held out. 5.7 TFLOPs. Result: four of 22 scores are told to get better with 16 times the
compute, no model comes up to holding still. See analysis/results/quality/.
"""

from collections.abc import Iterator
from typing import Any

from sweeps import demo

EXPERIMENT = "experiments/quality.py"
SIZES = {
    3: ("w24d2", "w32d2", "w48d2"),
    12: ("w32d2", "w48d2", "w64d2"),
    48: ("w48d2", "w64d2", "w80d2"),
}


def sweep(base: Any) -> Iterator[dict[str, Any]]:
    """Overrides of `base` for each run: the demo's batch and learning rates."""
    for times, sizes in SIZES.items():
        for size in sizes:
            yield demo.cell(base, size, times)
