"""Is the exponent of the long curve the architecture's or the data's? Two others, from 1x to 64x.

    python -m sweeps.launch --sweep sweeps/long_variants.py --root runs/long_variants \
        --set autoencoder.dir=analysis/results/long/autoencoder --set cache=runs/long/latents

Attention over space and then over time (`factorised`, Latte's third variant, 2401.03048) and a
space-time U-Net, each at the width whose FLOPs for a clip are nearest to those of a width of
sweeps/long.py, by its rule of rate and batch, not tuned for them. Expected: the same exponent
within its interval, at a higher loss.
"""

from collections.abc import Iterator
from typing import Any

from sweeps import long
from sweeps.launcher.grid import with_overrides
from vdit.config.flops import training_flops_per_clip

EXPERIMENT = long.EXPERIMENT
LARGEST = 64  # times the unit budget
VARIANTS = (
    {"model.attention": "factorised"},
    {"model.attention": "unet", "model.depth": 1},  # of each level, and there are two
)
WIDTHS = (24, 28, 32, 40, 48, 64, 80, 96, 112, 128)


def sweep(base: Any) -> Iterator[dict[str, Any]]:
    """Overrides of `base` for each run."""
    for variant in VARIANTS:
        for times, widths in long.WIDTHS.items():
            for width in widths if times <= LARGEST else ():
                yield long.cell(base, as_dear_as(base, width, variant), times)


def as_dear_as(base: Any, width: int, variant: dict[str, Any]) -> dict[str, Any]:
    """The variant's model whose FLOPs for a clip are nearest to those of the ladder's `width`."""

    def flops(size: dict[str, Any]) -> float:
        return training_flops_per_clip(with_overrides(base, size))

    target = flops(long.model(width))
    return min(
        (long.model(width) | variant for width in WIDTHS), key=lambda s: abs(flops(s) - target)
    )
