"""What are images worth? Shares of images beside videos at matched compute, 1x, 4x and 16x.

    python -m sweeps.launch --sweep sweeps/image_share.py --root runs/image_share \
        --set autoencoder.dir=runs/demo/autoencoder --set cache=runs/demo/latents

An image is the first frame of a clip, coded alone. Of the latent patches trained on, none to three
quarters are of images, and a budget is of FLOPs, in which every kind of step counts by its own.
Beside each share stand clips alone at what the share leaves them: as if images were worth nothing.
Result: a FLOP on images is worth about two thirds of one on clips. See analysis/results/images/.
"""

from collections.abc import Iterator
from typing import Any

from sweeps import demo

EXPERIMENT = "experiments/demo.py"
SHARES = (0.0, 0.25, 0.5, 0.75)
# About the best size of each budget in the demo's sweep; seeds are paired over the shares.
SIZES = {1: "w24d2", 4: "w32d2", 16: "w48d2"}
SEEDS = {1: (0, 1, 2), 4: (0, 1, 2), 16: (0, 1)}


def sweep(base: Any) -> Iterator[dict[str, Any]]:
    """Overrides of `base` for each run."""
    for times, size in SIZES.items():
        for share in SHARES:
            cells = [_cell(base, size, times, share)]
            cells += [_cell(base, size, times * (1 - share), 0.0)] if share else []
            for seed in SEEDS[times]:
                yield from (cell | {"seed": seed} for cell in cells)


def _cell(base: Any, size: str, times: float, share: float) -> dict[str, Any]:
    base.data.image_share = share  # what a step costs depends on it
    return demo.cell(base, size, times) | {"data.image_share": share}
