"""The one autoencoder of the long curve: 9 frames of 32x32 pixels to 3x8x8 latents of 5 numbers.

Command   python -m vdit.main --config experiments/long_autoencoder.py \
              --workdir runs/long/autoencoder
World     that of experiments/long.py with objects as small, as large and as fast as `physics` asks
          for beyond it, so that what it says of models is not what their pixels are coded by.
Others    `:data=doom` or `:videos=DIR`, for experiments/long.py's of the same name.
"""

from ml_collections import ConfigDict

from experiments import autoencoder

CAUSAL = autoencoder.CAUSAL | {"channels": 5, "kl_weight": 2e-5}
WORLD = {
    "max_objects": 2,
    "gravity": 0.3,
    "occluder": 0.3,
    "sizes": {"tiny": 0.075, "small": 0.1, "large": 0.15, "huge": 0.1875},
    "speeds": (0.016, 0.14),
}


def get_config(arg: str | None = None) -> ConfigDict:
    """`arg`: data=doom or videos=DIR, for the same curve of other data (sweeps/long.py)."""
    config = autoencoder.get_config(arg)
    config.experiment = "long_autoencoder"
    config.autoencoder = ConfigDict(CAUSAL)
    if config.data.name == "worlds":
        config.data.world, config.data.train_clips = ConfigDict(WORLD), 65_536
    config.steps = 12_000
    return config
