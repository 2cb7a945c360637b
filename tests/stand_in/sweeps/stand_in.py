"""Three budgets, two sizes each, of the trainer that takes no time."""

from sweeps.launcher.grid import steps_for

EXPERIMENT = "experiments/stand_in.py"
WIDTHS = {"tiny": 32, "small": 64}


def sweep(base):
    for budget in (1e6, 2e6, 4e6):
        for size, width in WIDTHS.items():
            steps = steps_for(budget, 10.0 * width, base.batch, size)
            yield {"model.size": size, "flops_budget": budget, "steps": steps}
