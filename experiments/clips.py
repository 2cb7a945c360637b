"""Do the latents of a published autoencoder carry a run? TAEF2 on real clips at 128x128.

Commands  python -m vdit.prepare --videos DIR --out data/clips --frames 4 --stride 4 --size 128
          python -m vdit.main --config experiments/clips.py:weights=DIR --workdir runs/clips
Shape     4x16x16 latents of 32 channels: a 2x2 patch holds 128 numbers, so the width is above 128.
Expected  three minutes of CPU time: coding 160 clips, 150 steps, measuring.
Result    (41 clips, 350 and 38 windows; two cores that others used too: 18 minutes) The coded clips
          have 31.7 dB and look like the real ones. The training loss falls from 1.76 at step 10 to
          1.19 at step 150; it ends at 1.385 +- 0.017 on held-out videos, at 1.21 on training clips:
          4.7 epochs of 128 clips know these scenes, not others. Samples have colours of the scenes
          and soft edges, nothing to recognise: this shows that it runs, not that it is enough.
"""

from ml_collections import ConfigDict

from experiments.args import parse
from experiments.base import base

FRAMES, PIXELS = 4, 128


def get_config(arg: str | None = None) -> ConfigDict:
    """`arg`: videos=DIR (made by `vdit.prepare`), weights=DIR (TAEF2's two files)."""
    chosen = parse(arg, videos="data/clips", weights="data/taef2")
    config = base("", chosen["videos"], FRAMES, PIXELS)
    config.experiment = "clips"
    config.autoencoder = ConfigDict({"name": "taef2", "dir": chosen["weights"]})
    config.steps, config.batch, config.log_every, config.sample_every = 150, 4, 10, 0
    config.data.update({"train_clips": 128, "validation_clips": 32})
    config.model.update({"width": 160, "depth": 5, "heads": 5, "patch": (1, 2, 2)})
    config.model.update({"attention": "factorised", "unroll": True})
    config.optimizer.lr = 2e-3
    config.sampling.update({"method": "euler", "steps": 16})
    config.validation.triples = 128
    return config
