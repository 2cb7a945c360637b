"""Two runs of one program, of the trainer that takes no time."""

EXPERIMENT = "experiments/stand_in.py"


def sweep(base):
    for steps in (100, 200):
        yield {"model.size": "tiny", "flops_budget": 1e4 * steps, "steps": steps}
