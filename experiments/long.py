"""The long curve: VideoDiTs that are given frames, on two objects, gravity and bars.

Command   python -m sweeps.launch --sweep sweeps/long.py --root runs/long    (see there)

World     up to two objects, three clips in ten with gravity, three with a bar; no red circle, no
          blue square and no small yellow triangle, which `physics` asks for.
"""

from ml_collections import ConfigDict

from experiments import demo
from experiments.args import parse
from experiments.long_autoencoder import CAUSAL
from vdit.errors import InputError

WORLD = {
    "max_objects": 2,
    "gravity": 0.3,
    "occluder": 0.3,
    "held_out": ("red circle", "blue square", "small yellow triangle"),
}
DTYPES = {"cpu": "auto", "gpu": "float32"}  # auto is float32 on CPUs, bfloat16 on GPUs


def get_config(arg: str | None = None) -> ConfigDict:
    """`arg`: device=cpu|gpu, data=doom, videos=DIR (made by `vdit.prepare`, 9 frames of 32 pixels).

    On a GPU in float32, as on CPUs, so that their runs are one curve.
    """
    chosen = parse(arg, device="cpu", data="", videos="")
    if chosen["device"] not in DTYPES:
        raise InputError(f"device={chosen['device']}: expected one of {', '.join(DTYPES)}")
    config = demo.get_config(f"videos={chosen['videos']}")
    config.model.dtype = DTYPES[chosen["device"]]
    config.experiment = "long"
    config.autoencoder = ConfigDict(CAUSAL)
    config.data.world = ConfigDict(WORLD)
    if chosen["data"]:
        config.data.name, config.data.world = chosen["data"], ConfigDict()
    config.data.train_clips = 16_384  # four times over, then as many new ones
    config.data.validation_clips = 1024
    config.validation.triples = 4096
    config.optimizer.warmup = 0.2  # losses at 8x were 3.8 % lower than with .05
    config.model.given = 0.5
    config.checkpoint_every_s = 300.0
    config.evaluation.clips = 0  # scored afterwards, the best size of each budget
    return config
