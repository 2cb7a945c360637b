"""The autoencoder of the demo: 9 frames of 32x32 pixels to latents, a short recipe for two cores.

Command   python -m vdit.main --config experiments/autoencoder.py --workdir runs/autoencoder
"""

from ml_collections import ConfigDict

from experiments.args import parse
from experiments.base import data, optimizer

FRAMES, PIXELS = 9, 32
WORLD = {"max_objects": 1, "gravity": 0.3, "occluder": 0.0}
CAUSAL = {
    "name": "causal",
    "dir": "",
    "space": 4,  # 4 or 8
    "time": 4,  # 1, 2 or 4
    "channels": 4,
    "width": 64,
    "depth": 3,
    "kl_weight": 2e-4,
}


def get_config(arg: str | None = None) -> ConfigDict:
    """`arg`: videos=DIR, made by `vdit.prepare` with 9 frames of 32 pixels; or data=doom."""
    chosen = parse(arg, videos="", data="")
    own = {"train_clips": 4096, "epochs": 0, "world": WORLD}
    own |= {"name": chosen["data"], "world": {}} if chosen["data"] else {}
    return ConfigDict(
        {
            "experiment": "autoencoder",
            "sweep": {"name": "", "branch": False},
            "objective": "autoencoder",
            "seed": 0,
            "steps": 600,
            "batch": 8,
            "accumulate": 1,
            "flops_budget": 0.0,
            "log_every": 50,
            "sample_every": 0,
            "checkpoint_every": 0,
            "checkpoint_every_s": 60.0,
            "keep": 2,
            "verify": True,
            "wandb": False,
            "data": data(chosen["videos"], FRAMES, PIXELS) | own,
            "autoencoder": dict(CAUSAL),
            "optimizer": optimizer() | {"name": "muon", "lr": 1e-2},
            "mesh": {"data": -1, "fsdp": 1, "tensor": 1, "context": 1},
        }
    )
