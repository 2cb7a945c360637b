"""What are videos worth, and what was learned of the world? Models that are given frames, and bars.

Command   python -m vdit.main --config experiments/autoencoder.py --config.data.world.occluder=0.3 \
              --workdir runs/quality/autoencoder    # then sweeps/quality.py
World     one object, which goes straight and bounces off the walls; a bar in three clips of ten; no
          red circle, no blue square and no small yellow triangle, which `physics` asks for.
"""

from ml_collections import ConfigDict

from experiments import demo
from experiments.args import parse

WORLD = {
    "max_objects": 1,
    "gravity": 0.0,
    "occluder": 0.3,
    "held_out": ("red circle", "blue square", "small yellow triangle"),
}


def get_config(arg: str | None = None) -> ConfigDict:
    """`arg`: size=NAME."""
    config = demo.get_config(f"size={parse(arg, size='w32d2')['size']}")
    config.experiment = "quality"
    config.data.world = ConfigDict(WORLD)
    config.model.given = 0.5
    return config
