"""Does noise on a circle learn more than on a line?

Command   python -m vdit.main --config experiments/trig.py --workdir runs/trig
"""

from ml_collections import ConfigDict

from experiments.base import base


def get_config(arg: str | None = None) -> ConfigDict:
    """No argument is taken."""
    config = base("S", videos="", frames=9, pixels=64, objective="trig")
    config.experiment = "trig"
    config.trig = ConfigDict({"most": 1.0})
    config.sampling.method = "ddim"
    return config
