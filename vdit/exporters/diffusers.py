"""A run as a folder of Hugging Face diffusers, which its `from_pretrained` loads.

Pictures by labels are for DiTPipeline, videos by captions (model.attention=latte) for
LattePipeline. The sampler is DDIM at trailing timesteps, between which diffusers moves as ours does
with `ddpm.spacing=trailing`. Nothing of diffusers or PyTorch is needed to write it.
"""

import pathlib
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from vdit.config.model_config import ModelConfig
from vdit.diffusion.ddpm import DDPM
from vdit.diffusion.schedules import TIMESTEPS
from vdit.exporters import kl
from vdit.exporters.expected import CLASSES, check, is_latte
from vdit.exporters.words import notes
from vdit.generator import Generator
from vdit.models import dit
from vdit.pretrained.convert import to_torch
from vdit.pretrained.diffusers import CAPTION, LABELS, weight_paths
from vdit.pretrained.model import Pretrained
from vdit.runs.files import whole_file, write_json

WEIGHTS = "diffusion_pytorch_model.safetensors"
PREDICTS = {"epsilon": "epsilon", "x": "sample", "v": "v_prediction"}
SCHEDULES = {"linear": "linear", "cosine": "squaredcos_cap_v2"}


def write(model: Generator, folder: pathlib.Path) -> list[str]:
    """`model` in the empty folder `folder`; returns how it is used, and what it does not hold.

    Raises `InputError` for what diffusers has no place for.
    """
    check(model)
    parts = {
        "transformer": (_transformer(model.config), _weights(model)),
        "vae": (
            kl.settings(model.autoencoder.model.config, model.video[1]),
            kl.weights(model.autoencoder, model.statistics),
        ),
    }
    for name, (settings, weights) in parts.items():
        write_json(folder / name / "config.json", settings)
        _save(folder / name / WEIGHTS, weights)
    scheduler = _scheduler(model.objective)
    write_json(folder / "scheduler" / "scheduler_config.json", scheduler)
    classes = {
        name: ["diffusers", settings["_class_name"]] for name, (settings, _) in parts.items()
    }
    classes["scheduler"] = ["diffusers", scheduler["_class_name"]]
    write_json(folder / "model_index.json", classes | _pipeline(model))
    return notes(model)


def _save(path: pathlib.Path, weights: dict[str, np.ndarray]) -> None:
    """Layouts are PyTorch's, whose libraries refuse a file that does not say so."""
    arrays = {key: np.ascontiguousarray(array) for key, array in weights.items()}
    with whole_file(path) as part:
        part.touch()
        mode = part.stat().st_mode
        save_file(arrays, part, {"format": "pt"})
        part.chmod(mode)  # else its owner alone may read it


def _pipeline(model: Generator) -> dict[str, Any]:
    """Of model_index.json what is the pipeline's own."""
    if is_latte(model.config):
        nothing = [None, None]  # it takes embeddings, for it has no network that makes them
        return {"_class_name": "LattePipeline", "text_encoder": nothing, "tokenizer": nothing}
    # diffusers' label is one less than ours, for our first is none, and its last is.
    names = enumerate(("(unknown)", *model.vocabulary.words))
    # It splits names at commas, each part a name of its own, so that the whole is none.
    labels = {str(i): name.replace(",", ";") for i, name in names}
    return {"_class_name": "DiTPipeline", "id2label": labels}


def _transformer(c: ModelConfig) -> dict[str, Any]:
    shared = {
        "num_attention_heads": c.heads,
        "attention_head_dim": c.width // c.heads,
        "in_channels": c.latent[3],
        "out_channels": c.latent[3] * (1 + c.learn_sigma),
        "attention_bias": True,
        "sample_size": c.latent[1],
        "patch_size": c.patch[1],
        "activation_fn": "gelu-approximate",
        "norm_elementwise_affine": False,
        "norm_eps": 1e-6,  # diffusers' own for DiT is 1e-5; that of DiT's authors and ours is this
    }
    return shared | (_latte if is_latte(c) else _dit)(c)


def _dit(c: ModelConfig) -> dict[str, Any]:
    return {
        "_class_name": "DiTTransformer2DModel",
        "num_layers": c.depth,
        "num_embeds_ada_norm": CLASSES,
        "norm_type": "ada_norm_zero",
    }


def _latte(c: ModelConfig) -> dict[str, Any]:
    return {
        "_class_name": "LatteTransformer3DModel",
        "num_layers": c.depth // 2,  # blocks over space; as many are over time
        "norm_type": "ada_norm_single",
        "cross_attention_dim": c.width,
        "caption_channels": c.text_features or c.vocabulary,
        "video_length": c.latent[0],
    }


def _weights(model: Generator) -> dict[str, np.ndarray]:
    """Under diffusers' names."""
    c, paths = model.config, weight_paths(model.config)
    kind, float32 = "latte" if is_latte(c) else "dit", dict.fromkeys(paths, np.dtype(np.float32))
    weights = Pretrained(kind, c, dit.graph_of(c), model.chosen_weights(), paths, float32, {})
    found = to_torch(weights)
    if is_latte(c):
        return {f"{CAPTION}.bias": np.zeros(c.width, np.float32)} | found
    return found | _labels(found, CLASSES + 1 - c.vocabulary)


def _labels(found: dict[str, np.ndarray], lacking: int) -> dict[str, np.ndarray]:
    """Tables of labels with the vector of none for those that the run has not: the pipeline takes
    the last of 1,001 for none."""
    tables = [name for name in found if name.endswith(LABELS)]
    padded = np.pad(found[tables[0]], ((0, lacking), (0, 0)), mode="edge")
    return dict.fromkeys(tables, padded)


def _scheduler(objective: DDPM) -> dict[str, Any]:
    scaled = TIMESTEPS / objective.timesteps  # as `schedules.linear` scales it
    return {
        "_class_name": "DDIMScheduler",
        "num_train_timesteps": objective.timesteps,
        "beta_schedule": SCHEDULES[objective.schedule],
        "beta_start": 1e-4 * scaled,
        "beta_end": 0.02 * scaled,
        "prediction_type": PREDICTS[objective.predicts],
        "clip_sample": False,
        "set_alpha_to_one": True,
        "timestep_spacing": "trailing",
    }
