"""A config for the trainer that takes no time; its argument is what runs do (`act`)."""

import ml_collections


def get_config(arg=""):
    return ml_collections.ConfigDict(
        {
            "seed": 0,
            "sweep": {"name": "", "branch": False},
            "checkpoint_at": (),
            "trunk": {"run": "", "step": 0},
            "optimizer": {"lr": 1e-3, "schedule": "cosine", "warmup": 0.05, "decay": 0.2},
            "evaluation": {"clips": 8},
            "evaluators": {"losses": {}},
            "cache": "",
            "steps": 200,
            "batch": 4,
            "log_every": 50,
            "flops_budget": 0.0,
            "act": arg,
            "seconds": 0.2,
            "data": {"num_frames": 1, "height": 8, "width": 8, "train_clips": 0},
            "autoencoder": {"name": "identity", "dir": ""},
            "model": {"size": "tiny", "width": 0, "condition": "none"},
            "mesh": {"data": 1},
        }
    )
