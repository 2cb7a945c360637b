"""Are the learning rates and batches of the long curve near their best, at three budgets?

    python -m sweeps.launch --sweep sweeps/long_check.py --root runs/long_check \
        --set autoencoder.dir=analysis/results/long/autoencoder --set cache=runs/long/latents

Two widths, on either side of the best, at each of three budgets: the rule, half and double the
learning rate, half and double the batch at the same compute. At 256x, where a run takes minutes,
half and double the rate alone: the rule's own runs are cells of sweeps/long.py, and count if it
holds. Result: analysis/results/long/.
"""

from collections.abc import Iterator
from typing import Any

from sweeps import long
from sweeps.demo_check import CHANGES, around

EXPERIMENT = long.EXPERIMENT
WIDTHS = {4: (24, 40), 32: (40, 64), 256: (64, 96)}
RATES = CHANGES[1:3]  # what is changed at 256x


def sweep(base: Any) -> Iterator[dict[str, Any]]:
    """Overrides of `base` for each run."""
    for times, widths in WIDTHS.items():
        for width in widths:
            changes = CHANGES if times < 256 else RATES
            yield from around(base, long.cell(base, long.model(width), times), changes)
