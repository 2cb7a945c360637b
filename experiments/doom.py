"""A 3-D world with texture and a camera that moves: walks through the maps of Freedoom.

Commands  pip install 'vdit[doom]'
          python -m vdit.main --config experiments/autoencoder.py:data=doom \\
              --workdir runs/doom/autoencoder
          python -m vdit.main --config experiments/doom.py --workdir runs/doom/run \\
              --config.autoencoder.dir=runs/doom/autoencoder --config.cache=runs/doom/latents
World     9 frames of 32x32 pixels, as the long curve; 55 maps to train on, 13 others to validate.
          Captions say what is done: "moves forward, then moves forward and turns left".
"""

from ml_collections import ConfigDict

from experiments import long
from experiments.autoencoder import CAUSAL


def get_config(arg: str | None = None) -> ConfigDict:
    """`arg`: device=cpu|gpu, as experiments/long.py."""
    config = long.get_config(arg)
    config.experiment = "doom"
    config.autoencoder = ConfigDict(CAUSAL)
    config.data.name, config.data.world = "doom", ConfigDict()
    return config
