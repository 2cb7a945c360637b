"""Which architecture learns most at one budget? All at matched FLOPs, then at matched parameters.

    python -m sweeps.launch --sweep sweeps/variants.py --root runs/variants \
        --set autoencoder.dir=runs/demo/autoencoder --set cache=runs/demo/latents

Matched FLOPs (`flops_budget` is set): the width whose FLOPs for a clip are nearest to the
reference's, for as many clips as the budget buys. Matched parameters (`flops_budget` is 0): the
width whose parameters are nearest, all on the same clips, so that FLOPs differ. Depth is the same.
Three seeds each; one learning rate rule (the demo's, by width) for all: no variant was tuned.
Result: analysis/results/variants/.
"""

from collections.abc import Iterator
from typing import Any

from sweeps import demo
from sweeps.grid import steps_for, with_overrides

EXPERIMENT = "experiments/demo.py"
BUDGET = 8  # times the demo's unit
REFERENCE = {"model.size": "", "model.width": 48, "model.depth": 2, "model.heads": 3}
SEEDS = (0, 1, 2)
VARIANTS = (
    {"model.attention": "full"},
    {"model.attention": "interleaved"},
    {"model.attention": "late_fusion"},
    {"model.attention": "factorised"},
    {"model.attention": "split_heads", "model.heads": 4},
    {"model.attention": "unet"},
    {"model.caption_by": "adaln"},
    {"model.caption_by": "context"},
    {"model.positions": "sincos"},
)
WIDTHS = range(24, 129, 4)


def sweep(base: Any) -> Iterator[dict[str, Any]]:
    """Overrides of `base` for each run of both tables."""
    reference = with_overrides(base, REFERENCE)
    budget = BUDGET * demo.UNIT
    clips = steps_for(budget, cost(reference), demo.BATCH)
    for variant in VARIANTS:
        as_dear, as_large = (nearest(base, variant, f, f(reference)) for f in (cost, size))
        steps = steps_for(budget, cost(with_overrides(base, as_dear)), demo.BATCH)
        for chosen in (
            as_dear | {"flops_budget": budget, "steps": steps},
            as_large | {"flops_budget": 0.0, "steps": clips},
        ):
            rate = demo.learning_rate(chosen["model.width"], BUDGET)
            for seed in SEEDS:
                more = {"batch": demo.BATCH, "optimizer.lr": rate, "seed": seed}
                yield chosen | more | {"data.train_clips": clips * demo.BATCH // 2}


def cost(config: Any) -> float:
    """FLOPs of training on one clip."""
    from vdit.flops import training_flops_per_clip

    return training_flops_per_clip(config)


def size(config: Any) -> int:
    """All weights."""
    from vdit.flops import params

    return params(config)["params_total"]


def nearest(base: Any, variant: dict[str, Any], count, goal: float) -> dict[str, Any]:
    """The variant at the width whose `count` is nearest to the goal."""

    def sized(width):
        return REFERENCE | variant | {"model.width": width, "model.heads": heads(variant, width)}

    return sized(min(WIDTHS, key=lambda w: abs(count(with_overrides(base, sized(w))) - goal)))


def heads(variant: dict[str, Any], width: int) -> int:
    """Of about 16 numbers; an even number where half of them look at time."""
    split = variant.get("model.attention") == "split_heads"
    allowed = [k for k in range(1, 9) if width % (2 * k) == 0 and not (split and k % 2)]
    return min(allowed, key=lambda k: abs(width / k - 16))
