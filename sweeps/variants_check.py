"""Does the order of the variants rest on their learning rate? Half and a quarter of the rule's.

    python -m sweeps.launch --sweep sweeps/variants_check.py --root runs/variants_check \
        --set autoencoder.dir=runs/demo/autoencoder --set cache=runs/demo/latents

The runs of the first table of sweeps/variants.py, seed 0. Result: analysis/results/variants/.
"""

from collections.abc import Iterator
from typing import Any

from sweeps import variants

EXPERIMENT = variants.EXPERIMENT
FACTORS = (0.5, 0.25)


def sweep(base: Any) -> Iterator[dict[str, Any]]:
    """Overrides of `base`; the label of the budget stays, so that these are matched in FLOPs."""
    for cell in variants.sweep(base):
        if cell["flops_budget"] and cell["seed"] == 0:
            for factor in FACTORS:
                yield cell | {"optimizer.lr": cell["optimizer.lr"] * factor}
