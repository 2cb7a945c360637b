"""Buckets or square crops? The same videos in their own shapes and cropped, at matched FLOPs.

    python -m vdit.data.world_videos --config experiments/demo.py --out data/videos \
        --shapes 64x64,80x64,80x48,48x80,96x48,48x96 \
        --config.data.train_clips=512 --config.data.validation_clips=64
    python -m vdit.prepare --videos data/videos --out data/shapes \
        --buckets analysis/results/buckets/shapes.txt \
        --split data/videos/captions.csv --keep_near_duplicates
    python -m vdit.prepare --videos data/videos --out data/square --frames 9 --size 32 \
        --split data/videos/captions.csv --keep_near_duplicates
    python -m vdit.main --config experiments/autoencoder.py --workdir runs/buckets/autoencoder
    python -m sweeps.launch --root runs/buckets --sweep \
        sweeps/buckets.py:shapes=data/shapes,square=data/square,coder=runs/buckets/autoencoder

`shapes_loss` is of the validation clips of the buckets at their shapes, for both kinds of runs, and
`shapes_loss_40x24@9` of one bucket's; `framing_cut` and `framing_absent` say which objects the
frame cuts off in samples. A budget of buckets is that of their mean step. Each set would draw a
split of its own, and a clip that one trains on be held out in the other: so both take the same
--split. Sizes are for latents. What came: analysis/results/buckets/
"""

from collections.abc import Iterator
from typing import Any

from sweeps import demo

EXPERIMENT = "experiments/buckets.py"
SIZES = {4: "w32d2", 16: "w48d2"}  # about the best of each budget in the demo's sweep
SEEDS = (0, 1, 2)


def sweep(base: Any) -> Iterator[dict[str, Any]]:
    """Overrides of `base` for each run."""
    for times, size in SIZES.items():
        for folder in (base.evaluators.shapes.dir, base.data.dir):
            cell = demo.cell(base, size, times, **{"data.dir": folder})
            yield from (cell | {"seed": seed} for seed in SEEDS)
