"""The demo with three seeds at a second budget: what seeds change in the scores of videos.

    python -m sweeps.launch --sweep sweeps/demo_seeds.py --root runs/demo_seeds

Two runs more than the demo's 28, which are taken over where its runs/ is copied there first.
Result: five of 11 scores by 1,024 videos differ between seeds by no more than their clips explain.
See analysis/results/quality/.
"""

from collections.abc import Iterator
from typing import Any

from sweeps import demo

EXPERIMENT = demo.EXPERIMENT
SEEDS = demo.SEEDS | {(32, "w64d2"): (0, 1, 2)}


def sweep(base: Any) -> Iterator[dict[str, Any]]:
    """Overrides of `base` for each run."""
    yield from demo.sweep(base, SEEDS)
