"""Are the learning rates and batches of the long curve near their best, at two budgets?

    python -m sweeps.launch --sweep sweeps/long_check.py --root runs/long_check \
        --set autoencoder.dir=runs/long/autoencoder --set cache=runs/long/latents

Two widths, on either side of the best, at each of two budgets: the rule, half and double the
learning rate, half and double the batch at the same compute. Result: analysis/results/long/.
"""

from collections.abc import Iterator
from typing import Any

from sweeps import long
from sweeps.demo_check import around

EXPERIMENT = long.EXPERIMENT
WIDTHS = {4: (24, 40), 32: (40, 64)}


def sweep(base: Any) -> Iterator[dict[str, Any]]:
    """Overrides of `base` for each run."""
    for times, widths in WIDTHS.items():
        for width in widths:
            yield from around(base, long.cell(base, long.model(width), times))
