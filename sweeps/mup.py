"""One learning rate for all widths? The best rate of three widths, standard and under muP.

    python -m sweeps.launch --sweep sweeps/mup.py --root runs/mup \
        --set autoencoder.dir=runs/demo/autoencoder --set cache=runs/mup/latents

72 runs of 300 steps, 12 TFLOPs: 35 minutes with one worker on two crowded cores. Rates are powers
of two about where a coarse look at widths 32 and 128 saw the minima.
Expected: the best rate falls with the width, and under muP it stays.
Result: width^-1.11 [-1.22, -0.99], and width^-0.20 [-0.33, -0.07] under muP; at their own best
rates both end at the same loss, within the noise. See analysis/results/mup.
"""

from collections.abc import Iterator
from typing import Any

EXPERIMENT = "experiments/demo.py"

HEAD = 16  # numbers in a head: widths grow by heads
WIDTHS = (32, 64, 128)
STEPS, BATCH = 300, 8  # every clip is new
SEEDS = (0, 1)
# Powers of two.
RATES = {"sp": range(-9, -3), "mup": range(-8, -2)}


def sweep(base: Any) -> Iterator[dict[str, Any]]:
    """Overrides of `base`. At the smallest width, the base width, both are the same numbers."""
    for width in WIDTHS:
        for parameterization, rates in RATES.items():
            for rate in rates:
                for seed in SEEDS:
                    yield {
                        "model.size": "",
                        "model.width": width,
                        "model.depth": 2,
                        "model.heads": width // HEAD,
                        "optimizer.parameterization": parameterization,
                        "optimizer.base_width": min(WIDTHS),
                        "optimizer.lr": 2.0**rate,
                        "steps": STEPS,
                        "batch": BATCH,
                        "evaluation.clips": 0,
                        "seed": seed,
                    }
