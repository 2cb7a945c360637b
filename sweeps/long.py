"""The long curve: what do 4096 times the compute buy, and could it be told before it was run?

    python -m sweeps.launch --sweep sweeps/long.py --root runs/long --up_to 9.6e11 \
        --set autoencoder.dir=analysis/results/long/autoencoder --set cache=runs/long/latents

The autoencoder is that of experiments/long_autoencoder.py; trained again elsewhere it is another,
in whose latents losses are others.

98 runs, 1.07e15 FLOPs: about ten hours of two cores. Budgets are run one after another (`--up_to`),
each after the predictions of it are in the repository. Written before the first run:

Question  Is the best loss of a budget one law of compute over three and a half decades, and which
          abilities come with it, in which order, at what compute?
Cells     Budgets of 1x (3e10 FLOPs) to 4096x by factors of two, four widths each around the best
          that is expected; three seeds of all up to 16x, of one at 32x, 256x and 1024x. One ladder
          for all budgets (`model`), one rule of learning rate and batch by width and clips, checked
          at 4x and 32x, and at 256x beside half and double the rate, which are run first
          (sweeps/long_check.py), no weight decay, no clip seen more than four times.
          Widths of a budget not yet run may be moved to where its best size is predicted: after
          1024x those of 2048x (80 for 192, once 96 and 128 had begun) and 4096x (112 for 192), and
          with device=gpu those of 16384x and 65536x, around 2.6 and 4.8 million parameters.
Laws      Those of `analysis.predict` and their stack, as they are: power, with a floor, curved,
          Chinchilla and gamma through all runs. After 32x for 64x to 4096x, after 256x for 512x to
          4096x, after 512x for 1024x to 4096x: the loss, the best size, and the scores
          `shape_agree`, `permanence` and `extend_position`.
Truth     of a budget is the vertex over its sizes, its error from the seeds.
Holds if  the stack's prediction of 1024x from 32x is within 3 %, of 4096x from 512x within 1 % and
          inside an interval narrower than half of the gain in between.
Refuted   if a budget's best loss is not below that of the budget before by more than its error, or
          if a prediction misses by more than it says: then its cause is looked for.
Known     before: four runs of a trial of this world (1x, 8x, 32x), those of sweeps/long_check.py
          up to 32x, and the demo, which is another world. 1x to 32x were run three times, until
          rate, batch and warm-up gave minima on a line (analysis/results/long/earlier.csv): what
          is predicted blindly begins at 64x.
Others    The same cells on other videos, a short curve: Doom's maps by sweeps/long.py:data=doom, a
          folder by :videos=DIR, each with an autoencoder of its own.
Again     The autoencoder of the first curve was lost with its machine, so the curve was begun again
          in the latents of another, by the same cells. What the first gave up to 128x, and four
          runs at 256x in the new latents, were known before the second's predictions
          (analysis/results/long/first_autoencoder).
"""

import math
from collections.abc import Iterator
from typing import Any

from sweeps.launcher.grid import steps_for, with_overrides
from vdit.config.flops import training_flops_per_clip

EXPERIMENT = "experiments/long.py"

UNIT = 3e10  # FLOPs at 1x
WIDTHS = {
    1: (24, 28, 32, 40),
    2: (24, 32, 40, 48),
    4: (24, 32, 40, 48),
    8: (32, 40, 48, 64),
    16: (32, 40, 48, 64),
    32: (40, 48, 64, 80),
    64: (48, 64, 80, 96),
    128: (48, 64, 80, 96),
    256: (64, 80, 96, 112),
    512: (64, 80, 96, 128),
    1024: (80, 96, 128, 160),
    2048: (80, 96, 128, 160),
    4096: (96, 112, 128, 160),
}
# With device=gpu, whose config asks for float32: 9.8e15 FLOPs.
FURTHER = {16384: (112, 128, 160, 192), 65536: (128, 160, 192, 224)}
# Of short runs seeds differ by as much as sizes do (1 %), so all of these have three.
SHORT, SEEDS = 16, (0, 1, 2)
SEEDED = ((32, 48), (256, 80), (1024, 128))
HORIZON = 16_384  # clips, at which batches are of 8 and rates 6e-3 sqrt(batch) at a width of 24


def sweep(base: Any) -> Iterator[dict[str, Any]]:
    """Overrides of `base` for each run; none depends on another, so the sweep can grow."""
    further = FURTHER if base.model.dtype == "float32" else {}
    for times, widths in (WIDTHS | further).items():
        for width in widths:
            thrice = times <= SHORT or (times, width) in SEEDED
            for seed in SEEDS if thrice else (base.seed,):
                yield cell(base, model(width), times) | {"seed": seed}


def cell(base: Any, size: dict[str, Any], times: float) -> dict[str, Any]:
    """Overrides of `base` for a model, by its overrides, at `times` the unit budget."""
    width, flops = size["model.width"], training_flops_per_clip(with_overrides(base, size))
    clips = times * UNIT / flops
    batch = batch_size(clips)
    return size | {
        "flops_budget": times * UNIT,
        "batch": batch,
        "steps": steps_for(times * UNIT, flops, batch, f"w{width}"),
        "optimizer.lr": learning_rate(width, clips, batch),
    }


def model(width: int) -> dict[str, Any]:
    """The ladder: layers grow with width, 2 at 24 to 7 at 192; heads of 16 from 48 on."""
    depth, heads = math.floor(1.5 + width / 32), max(2, width // 16)
    return {"model.size": "", "model.width": width, "model.depth": depth, "model.heads": heads}


def learning_rate(width: int, clips: float, batch: int) -> float:
    """Peak learning rate: wide models and long runs take smaller steps, large batches larger."""
    return 6e-3 * math.sqrt(batch) * (24 / width) ** 0.5 * (HORIZON / clips) ** 0.2


def batch_size(clips: float) -> int:
    """Clips of a batch, an even number: longer runs take larger ones."""
    return max(4, 2 * round(4 * (clips / HORIZON) ** (1 / 3)))
