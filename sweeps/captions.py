"""What are written captions worth? A tenth of the captions, these and the rest written, all.

    python -m vdit.main --config experiments/autoencoder.py --workdir runs/captions/autoencoder
    python -m vdit.main --config experiments/captioner.py --config.data.world.labelled=0.1 \
        --config.autoencoder.dir=runs/captions/autoencoder --workdir runs/captions/captioner
    python -m vdit.caption --workdir runs/captions/captioner --out runs/captions/written
    python -m sweeps.launch --sweep sweeps/captions.py --root runs/captions

DALL-E 3's question ("Improving Image Generation with Better Captions", section 3) of a world whose
captions are known: obedience (`colour_agree` and its like, of the evaluator `worlds`, by captions
that are right) at matched FLOPs, three seeds, 4x and 16x of the demo's compute. The three kinds of
runs see the same clips; `variant` of the results table tells them apart. Result: written
captions do what given ones do, within what three seeds tell. See analysis/results/captions/.
"""

from collections.abc import Iterator
from typing import Any

from sweeps import demo

EXPERIMENT = "experiments/demo.py"
SIZE, TIMES, SEEDS = "w32d2", (4, 16), (0, 1, 2)
LABELLED = 0.1
WRITTEN = "runs/captions/written"


def sweep(base: Any) -> Iterator[dict[str, Any]]:
    """Overrides of `base` for each run."""
    few = {"data.world": base.data.world.to_dict() | {"labelled": LABELLED}}
    shared = {"data.epochs": 0, "evaluation.clips": 256}
    for times in TIMES:
        cell = shared | demo.cell(base, SIZE, times)
        for kind in (few, few | {"data.captions": WRITTEN}, {}):
            yield from (cell | kind | {"seed": seed} for seed in SEEDS)
