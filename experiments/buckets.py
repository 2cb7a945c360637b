"""Are native shapes worth it? A run on buckets, measured as one on square crops is.

Commands  python -m vdit.prepare --videos DIR --out data/shapes --frames 9 --size 32 --split FILE \
              --buckets auto
          python -m vdit.prepare --videos DIR --out data/square --frames 9 --size 32 --split FILE
          python -m vdit.main --config experiments/buckets.py:shapes=data/shapes --workdir runs/x
Runs      Both kinds, at matched FLOPs: sweeps/buckets.py. `shapes_loss` is on the clips of the
          buckets, at their shapes, for both.
"""

from ml_collections import ConfigDict

from experiments import demo
from experiments.args import parse
from experiments.base import base


def get_config(arg: str | None = None) -> ConfigDict:
    """`arg`: size=NAME, shapes=DIR (a set of buckets, one of them pixels x pixels @ frames),
    square=DIR (the same clips cropped, to train on), frames=T, pixels=N.

    coder=DIR, a run of experiments/autoencoder.py: models as the demo's in its latents, on videos
    of the embedded world (`framing`), instead of models in pixels on any."""
    chosen = parse(
        arg, size="w128d4", shapes="data/shapes", square="", frames=9, pixels=32, coder=""
    )
    shapes, coder = chosen["shapes"], chosen["coder"]
    videos = chosen["square"] or shapes
    own = {"num_frames": chosen["frames"], "height": chosen["pixels"], "width": chosen["pixels"]}
    if coder:
        config = demo.get_config(f"size={chosen['size']},videos={videos}")
        config.autoencoder.dir = coder
        config.data.update(own)
    else:
        config = base(chosen["size"], videos, chosen["frames"], chosen["pixels"])
        config.model.patch = (1, 4, 4)
    config.experiment = "buckets"
    config.data.update({"train_clips": 0, "validation_clips": 0})  # all
    config.checkpoint_every, config.sample_every = 0, 0
    # The losses of a run are of its own set; `shapes` are of the same clips for both kinds.
    scored = {"framing": {"dir": shapes}} if coder else {"video": {}}
    config.evaluators = ConfigDict({"losses": {}, "shapes": {"dir": shapes}, **scored})
    return config
