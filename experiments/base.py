"""The base: a VideoDiT of any size on the embedded world, in pixel space. All others start here.

Command   python -m vdit.main --config experiments/base.py:size=S --workdir runs/base
Other data: `videos=DIR` takes a folder made by `vdit.prepare`; other latents: `autoencoder` (as in
experiments/demo.py). `objective=ddpm` or `edm` trains for another kind of diffusion; its settings
are under `ddpm` and `edm`.
"""

from ml_collections import ConfigDict

from experiments.args import parse
from vdit.config.sizes import size_of


def get_config(arg: str | None = None) -> ConfigDict:
    """`arg`: size=NAME,videos=DIR,frames=T,pixels=N,objective=NAME."""
    chosen = parse(arg, size="S", videos="", frames=9, pixels=64, objective="flow")
    size_of(chosen["size"])
    return base(**chosen)


def base(size: str, videos: str, frames: int, pixels: int, objective: str = "flow") -> ConfigDict:
    """Every key there is, with its default."""
    return ConfigDict(
        {
            "experiment": "base",
            "sweep": {"name": "", "branch": False},  # branch: budgets share a trunk
            "objective": objective,
            "seed": 0,
            "init": "",  # weights to start from: a run folder, or a file of DiT's or Latte's
            "steps": 10_000,
            "batch": 32,
            "accumulate": 1,  # parts of a batch whose gradients are added one after another
            "flops_budget": 0.0,  # a label that isoFLOP fits group by; 0 for none
            "log_every": 50,
            "sample_every": 1000,
            "checkpoint_every": 1000,
            "checkpoint_every_s": 600.0,  # by the clock, too; 0 for no
            "keep": 2,  # checkpoints kept
            "verify": True,  # digests of a checkpoint before it is gone on from
            "checkpoint_at": (),  # steps whose checkpoints stay, for branches
            "trunk": {"run": "", "step": 0},  # run beside this one, and where this one leaves it
            "wandb": False,
            "cache": "runs/latents",
            "data": data(videos, frames, pixels),
            "autoencoder": {"name": "identity", "dir": ""},
            "model": model(size),
            **diffusion(),
            "optimizer": optimizer(),
            "mesh": {"data": -1, "fsdp": 1, "tensor": 1, "context": 1},
            "sampling": sampling(objective),
            "validation": {"triples": 512, "seed": 0},
            # What is measured of a checkpoint (a file of vdit/evaluators for each name, with its
            # options), and of which beside the last; no part of a run's identity.
            "evaluators": {
                "losses": {},
                "worlds": {},
                "continuation": {},
                "physics": {},
                "video": {},
            },
            "evaluate_every": 0,
            "evaluation": {"clips": 64, "seed": 0},  # of sampled videos, unless options differ
        }
    )


def model(size: str) -> dict:
    """The network, its captions, and how its step is computed."""
    return {
        "size": size,
        "width": 0,  # with depth and heads, where `size` is empty
        "depth": 0,
        "heads": 0,
        "mlp_ratio": 4.0,
        "frequencies": 256,
        "max_period": 10_000.0,  # of the timestep's sinusoids
        "patch": (1, 8, 8),
        "attention": "full",
        "positions": "rotary",  # rotary | sincos (fixed tables) | learned
        "qk_norm": True,
        "condition": "text",  # text | class (as a caption) | label (DiT's table) | none
        "caption_by": "cross",  # of a text: cross | context | adaln
        "shape_condition": False,  # whether the model is told frames, height, width of latents
        "drop_caption": 0.1,
        "given": 0.0,  # share of clips trained with some frames given, for `vdit.sample`
        "remat": "auto",  # what a GPU recomputes: none | dots | full; a CPU, nothing
        "unroll": False,
        # Of the computation (weights are float32): auto is bfloat16 on TPUs, and on GPUs
        # from A100 on, else float32; or float32 | bfloat16 | float16.
        "dtype": "auto",
    }


def diffusion() -> dict:
    """The settings of each objective; a run reads those of its own."""
    return {
        # shift_tokens: the patches of clips of that shift, others have it by theirs; 0: all alike
        "flow": {"loc": 0.0, "scale": 1.0, "shift": 1.0, "shift_tokens": 0},
        "ddpm": {
            "schedule": "linear",  # linear | cosine
            "predicts": "epsilon",  # epsilon | x | v
            "learned_variance": False,
            "timesteps": 1000,
            "spacing": "even",  # of sampling's levels: even | trailing (as diffusers' DDIM)
        },
        "edm": {"loc": -1.2, "scale": 1.2, "data": 1.0, "low": 0.002, "high": 80.0, "rho": 7.0},
    }


def data(videos: str, frames: int, pixels: int) -> dict:
    """The embedded world, or a prepared folder of videos."""
    return {
        "name": "video_folder" if videos else "worlds",
        "dir": videos,
        "num_frames": frames,
        "height": pixels,
        "width": pixels,
        "seed": 0,
        "train_clips": 16_384,
        "epochs": 0 if videos else 4,  # over these before the next as many; 0: for ever
        "validation_clips": 256,
        "image_share": 0.0,  # of the latent patches trained on: single frames, coded alone
        "images": "",  # pictures prepared with --frames 1; else first frames of the clips
        "captions": "",  # a folder of vdit.caption's: for all training clips, not the given alone
        "embeddings": "",  # a folder of vdit.embed's: of captions by a text encoder
        "text_length": 24,
        "words": 4096,
        "tokenizer": "byte_pairs" if videos else "words",
        "world": {"max_objects": 2, "gravity": 0.3, "occluder": 0.2},
    }


def sampling(objective: str) -> dict:
    """How videos are made of noise, unless `vdit.sample` is told otherwise."""
    return {
        "method": "ddim" if objective == "ddpm" else "heun",
        "steps": 32,
        "guidance": 2.0,
        "interval": (),  # of sigma / alpha, within which guidance is on; () for all
        "rescale": 0.0,
        "count": 4,
    }


def optimizer() -> dict:
    """AdamW; warm-up, decay and the average's half-life are fractions of the run."""
    return {
        "name": "adamw",  # adamw | muon
        "lr": 1e-3,
        "parameterization": "sp",  # sp | mup: widths share the rate of base_width
        "base_width": 64,
        "schedule": "cosine",  # cosine | wsd
        "warmup": 0.05,
        "decay": 0.2,
        "final": 0.0,
        "weight_decay": 0.0,
        "b1": 0.9,
        "b2": 0.99,
        "clip": 1.0,
        "flatten": False,  # one vector of all weights, for tiny models
        "ema_halflife": 0.02,
    }
