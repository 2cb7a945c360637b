"""Which architecture learns most at one budget? All at matched FLOPs, then at matched parameters.

    python -m sweeps.launch --sweep sweeps/variants.py --root runs/variants \
        --set autoencoder.dir=runs/demo/autoencoder --set cache=runs/demo/latents

Matched FLOPs (`flops_budget` is set): the width whose FLOPs for a clip are nearest to the
reference's, for as many clips as the budget buys. Matched parameters (`flops_budget` is 0): the
width whose parameters are nearest, all on the same clips, so that FLOPs differ. Depth is the same.
Three seeds each; one learning rate rule (the demo's, by width) for all: no variant was tuned.
Result: analysis/results/variants/.
"""

from collections.abc import Callable, Iterator
from typing import Any

from sweeps import demo
from sweeps.launcher.grid import steps_for, with_overrides
from vdit.config.flops import count_params, training_flops_per_clip
from vdit.config.sizes import model_config_of

EXPERIMENT = "experiments/demo.py"
BUDGET = 8  # times the demo's unit
DEPTH = {"model.size": "", "model.depth": 2}
AS_DEAR_AS, AS_LARGE_AS = 48, 64  # the width of `full` that others are matched to in each table
SEEDS = (0, 1, 2)
VARIANTS = (
    {"model.attention": "full"},
    {"model.attention": "interleaved"},
    {"model.attention": "late_fusion"},
    {"model.attention": "factorised"},
    {"model.attention": "split_heads"},
    {"model.attention": "unet", "model.depth": 1},  # of each level, and there are two
    {"model.caption_by": "adaln"},
    {"model.caption_by": "context"},
    {"model.positions": "sincos"},
)
WIDTHS = range(20, 129, 4)

Count = Callable[[Any], float]  # FLOPs for a clip, or weights, of a config


def sweep(base: Any) -> Iterator[dict[str, Any]]:
    """Overrides of `base` for each run of both tables."""
    yield from table(base, training_flops_per_clip, AS_DEAR_AS, budget=BUDGET * demo.UNIT)
    yield from table(base, all_params, AS_LARGE_AS, budget=0.0)


def table(base: Any, count: Count, width: int, budget: float) -> Iterator[dict[str, Any]]:
    """Every variant at the width whose `count` is nearest to that of `full` at `width`.

    It spends the budget, or, where that is 0, sees the clips that 8x would buy the reference.
    """
    reference = with_overrides(base, sized(VARIANTS[0], width))
    common = _steps(reference)
    for variant in VARIANTS:
        made = nearest(base, variant, count, count(reference))
        steps = _steps(with_overrides(base, made)) if budget else common
        rate = demo.learning_rate(made["model.width"], BUDGET)
        cell = {"flops_budget": budget, "steps": steps, "batch": demo.BATCH}
        for seed in SEEDS:
            yield made | cell | {"optimizer.lr": rate, "seed": seed}


def all_params(config: Any) -> int:
    """Weights, those of both ends among them."""
    return count_params(model_config_of(config))["params_total"]


def _steps(config: Any) -> int:
    return steps_for(BUDGET * demo.UNIT, training_flops_per_clip(config), demo.BATCH)


def nearest(base: Any, variant: dict[str, Any], count: Count, goal: float) -> dict[str, Any]:
    """The variant at the width whose `count` is nearest to the goal."""
    misses = {w: abs(count(with_overrides(base, sized(variant, w))) - goal) for w in WIDTHS}
    return sized(variant, min(misses, key=misses.get))


def sized(variant: dict[str, Any], width: int) -> dict[str, Any]:
    """The variant at a width."""
    return DEPTH | {"model.width": width, "model.heads": heads(variant, width)} | variant


def heads(variant: dict[str, Any], width: int) -> int:
    """Of about 16 numbers; an even number where half of them look at time."""
    split = variant.get("model.attention") == "split_heads"
    allowed = [k for k in range(1, 9) if width % (2 * k) == 0 and not (split and k % 2)]
    return min(allowed, key=lambda k: abs(width / k - 16))
