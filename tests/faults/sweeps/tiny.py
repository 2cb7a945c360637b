"""Three seeds of the run of tests/tiny.py, as long as asked for, saved when told to end."""

from tests.tiny import OVERRIDES

EXPERIMENT = "experiments/base.py"


def sweep(base):
    shared = {key: value for key, value in OVERRIDES.items() if key != "steps"}
    for seed in range(3):
        yield shared | {"seed": seed, "checkpoint_every": 0, "log_every": 10}
