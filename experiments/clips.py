"""Latents of a published autoencoder: TAEF2 on a folder of real clips at 128x128.

Commands  python -m vdit.prepare --videos DIR --out data/clips --frames 4 --stride 4 --size 128
          python -m vdit.main --config experiments/clips.py:weights=DIR --workdir runs/clips
"""

from ml_collections import ConfigDict

from experiments.args import parse
from experiments.base import base

FRAMES, PIXELS = 4, 128


def get_config(arg: str | None = None) -> ConfigDict:
    """`arg`: videos=DIR (made by `vdit.prepare`), weights=DIR (TAEF2's two files), size=NAME."""
    chosen = parse(arg, videos="data/clips", weights="data/taef2", size="w160d5")
    config = base(chosen["size"], chosen["videos"], FRAMES, PIXELS)
    config.experiment = "clips"
    config.autoencoder = ConfigDict({"name": "taef2", "dir": chosen["weights"]})
    config.steps, config.batch, config.log_every, config.sample_every = 150, 4, 10, 0
    config.data.update({"train_clips": 128, "validation_clips": 32})
    config.model.update({"patch": (1, 2, 2), "attention": "factorised", "unroll": True})
    config.optimizer.lr = 2e-3
    config.sampling.update({"method": "euler", "steps": 16})
    config.validation.triples = 128
    return config
