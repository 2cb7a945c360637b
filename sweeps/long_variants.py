"""Is the exponent of the long curve the architecture's or the data's? Two others, from 1x to 64x.

    python -m sweeps.launch --sweep sweeps/long_variants.py --root runs/long_variants \
        --set autoencoder.dir=analysis/results/long/autoencoder --set cache=runs/long/latents

56 runs, 3.05e13 FLOPs: 26 minutes of two idle cores without compilation and scores. With `--up_to
4.8e11` first, 40 runs to 16x, 7.4e12 FLOPs: a curve of its own, should the rest never come.

Attention over space and then over time (`factorised`, Latte's third variant, 2401.03048) and a
space-time U-Net, at the widths whose FLOPs for a clip are nearest to those of the widths of
sweeps/long.py, by its rule of rate and batch, not tuned for them; one seed. Expected: the same
exponent within its interval, at a higher loss.

The narrowest U-Net, above the rank of a patch, costs as much for a clip as the ladder's 40 to 48
wide: what is taken already is replaced by the next nearest, and its smallest budgets may have their
minimum at the smallest size.
"""

from collections.abc import Iterator, Sequence
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
WIDTHS = (24, 28, 32, 36, 40, 48, 60, 64, 72, 80, 90, 96)


def sweep(base: Any) -> Iterator[dict[str, Any]]:
    """Overrides of `base` for each run."""
    for variant in VARIANTS:
        for times, widths in long.WIDTHS.items():
            for size in as_dear_as(base, widths, variant) if times <= LARGEST else ():
                yield long.cell(base, size, times)


def as_dear_as(
    base: Any, widths: Sequence[int], variant: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """The variant's models whose FLOPs for a clip are nearest to the ladder's, none twice."""

    def flops(size: dict[str, Any]) -> float:
        return training_flops_per_clip(with_overrides(base, size))

    left = [long.model(width) | variant for width in WIDTHS]
    costs = [flops(size) for size in left]
    for width in widths:
        target = flops(long.model(width))
        nearest = min(range(len(left)), key=lambda i: abs(costs[i] - target))
        costs.pop(nearest)
        yield left.pop(nearest)
