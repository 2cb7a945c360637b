"""Is the demo's rule for learning rate and batch near its best at both ends of the ladder?

    python -m sweeps.launch --sweep sweeps/demo_check.py --root runs/check \
        --set autoencoder.dir=runs/demo/autoencoder --set cache=runs/demo/latents

Ten runs: the rule, half and double the learning rate, half and double the batch (at the same
compute), for the smallest model at 1x and the largest at 32x. Result: analysis/results/demo/.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sweeps import demo
from sweeps.launcher.grid import steps_for, with_overrides
from vdit.config.flops import training_flops_per_clip

EXPERIMENT = "experiments/demo.py"
CHANGES = ((1, 1), (0.5, 1), (2, 1), (1, 0.5), (1, 2))  # learning rate, batch


def sweep(base: Any) -> Iterator[dict[str, Any]]:
    """Overrides of `base` for each run."""
    cells = list(demo.sweep(base))
    for cell in (cells[0], cells[-1]):
        yield from around(base, cell)


def around(
    base: Any, cell: dict[str, Any], changes: Sequence[tuple[float, float]] = CHANGES
) -> Iterator[dict[str, Any]]:
    """A cell and its neighbours; `flops_budget` is 0, for they belong to no isoFLOP curve."""
    flops = training_flops_per_clip(with_overrides(base, cell))
    for rate, batch in changes:
        clips = round(cell["batch"] * batch)
        yield cell | {
            "flops_budget": 0.0,
            "optimizer.lr": cell["optimizer.lr"] * rate,
            "batch": clips,
            "steps": steps_for(cell["flops_budget"], flops, clips, cell["model.size"]),
        }
