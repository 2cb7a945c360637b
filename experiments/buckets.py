"""Are native shapes worth it? A run on buckets, measured as one on square crops is.

Commands  python -m vdit.prepare --videos DIR --out data/shapes --frames 9 --size 32 --split FILE \
              --buckets auto
          python -m vdit.prepare --videos DIR --out data/square --frames 9 --size 32 --split FILE
          python -m vdit.main --config experiments/buckets.py:shapes=data/shapes --workdir runs/x
Runs      Both kinds, at matched FLOPs: sweeps/buckets.py. `shapes_loss` is on the clips of the
          buckets, at their shapes, for both. Not run yet.
"""

from ml_collections import ConfigDict

from experiments.args import parse
from experiments.base import base


def get_config(arg: str | None = None) -> ConfigDict:
    """`arg`: size=NAME, shapes=DIR (a set of buckets, one of them pixels x pixels @ frames),
    square=DIR (the same clips cropped, to train on), frames=T, pixels=N."""
    chosen = parse(arg, size="w128d4", shapes="data/shapes", square="", frames=9, pixels=32)
    shapes, square = chosen.pop("shapes"), chosen.pop("square")
    config = base(videos=square or shapes, **chosen)
    config.experiment = "buckets"
    config.model.patch = (1, 4, 4)
    config.data.update({"train_clips": 0, "validation_clips": 0})  # all
    config.checkpoint_every, config.sample_every = 0, 0
    # The losses of a run are of its own set; `shapes` are of the same clips for both kinds.
    config.evaluators = ConfigDict({"losses": {}, "shapes": {"dir": shapes}, "video": {}})
    return config
