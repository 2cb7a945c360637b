"""The demo: what does 32 times the compute buy? Six budgets, each with sizes around its minimum.

    python -m sweeps.launch --sweep sweeps/demo.py --root runs/demo

28 runs, about 7 minutes on two cores once the autoencoder is trained (`make demo` does it all).
Expected: the best loss falls at every budget, and the best size grows with the budget.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sweeps.launcher.grid import steps_for, with_overrides
from vdit.config.flops import training_flops_per_clip
from vdit.config.sizes import size_of

EXPERIMENT = "experiments/demo.py"

UNIT = 3e10  # FLOPs at 1x
BATCH = 8  # clips; one for all budgets, see `learning_rate`
# Four sizes or more for each budget, centred on where its minimum is expected: as the budget
# doubles, the best size moves up by about half a rung of the ladder (`vdit.config.sizes.SIZES`).
SIZES = {
    1: ("w20d2", "w24d2", "w32d2", "w48d2"),
    2: ("w20d2", "w24d2", "w32d2", "w48d2"),
    4: ("w24d2", "w32d2", "w48d2", "w64d2"),
    8: ("w20d2", "w24d2", "w32d2", "w48d2", "w64d2"),
    16: ("w24d2", "w32d2", "w48d2", "w64d2", "w80d2"),
    32: ("w32d2", "w48d2", "w64d2", "w80d2"),
}
# The spread between seeds is the noise that every other difference is seen against.
SEEDS = {(8, "w32d2"): (0, 1, 2)}


def learning_rate(width: int, times: float) -> float:
    """Peak learning rate, for `times` the unit budget: narrow and short runs take larger steps."""
    return 3e-2 * (24 / width) ** 0.5 * times**-0.15


def sweep(
    base: Any, seeds: Mapping[tuple[int, str], tuple[int, ...]] = SEEDS
) -> Iterator[dict[str, Any]]:
    """Overrides of `base` for each run; none depends on another, so the sweep can grow."""
    for times, sizes in SIZES.items():
        for size in sizes:
            for seed in seeds.get((times, size), (base.seed,)):
                yield cell(base, size, times) | {"seed": seed}


def cell(base: Any, size: str, times: float, **more: Any) -> dict[str, Any]:
    """Overrides of `base` for a size at `times` the unit budget; `more` are further ones, which may
    change what a step costs."""
    sized = {"model.size": size, **more}
    flops = training_flops_per_clip(with_overrides(base, sized))
    return sized | {
        "flops_budget": times * UNIT,
        "batch": BATCH,
        "steps": steps_for(times * UNIT, flops, BATCH, size),
        "optimizer.lr": learning_rate(size_of(size).width, times),
    }
