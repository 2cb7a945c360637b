"""The demo: small VideoDiTs on 3x8x8 latents of the embedded world. Does more compute help?

Command   make demo    (two CPU cores, about ten minutes; sweeps/demo.py says which runs)
"""

from ml_collections import ConfigDict

from experiments.args import parse
from experiments.autoencoder import CAUSAL, FRAMES, PIXELS, WORLD
from experiments.base import base


def get_config(arg: str | None = None) -> ConfigDict:
    """`arg`: size=NAME, videos=DIR (made by `vdit.prepare`, 9 frames of 32 pixels)."""
    chosen = parse(arg, size="w32d2", videos="")
    config = base(**chosen, frames=FRAMES, pixels=PIXELS)
    config.experiment = "demo"
    config.autoencoder = ConfigDict(CAUSAL)
    config.data.world = ConfigDict(WORLD)
    if not chosen["videos"]:
        config.data.train_clips = 8192  # short runs see no clip twice; 3 of these for the longest
    config.log_every = 20
    config.sample_every = 1000
    config.checkpoint_every, config.checkpoint_every_s = 0, 60.0
    config.model.update({"patch": (1, 2, 2), "frequencies": 64, "unroll": True})
    config.optimizer.flatten = True
    config.sampling.update({"method": "euler", "steps": 16, "guidance": 2.0})
    return config
