"""A run as a folder of Hugging Face diffusers: `DiTPipeline.from_pretrained(folder)` loads it.

Its sampler is DDIM at trailing timesteps, which diffusers moves between as ours does with
`ddpm.spacing=trailing`. Nothing of diffusers or PyTorch is needed to write it.
"""

import pathlib
from typing import Any

import numpy as np

from vdit.config.model_config import ModelConfig
from vdit.data.text import Vocabulary
from vdit.diffusion.ddpm import DDPM
from vdit.diffusion.schedules import TIMESTEPS
from vdit.exporters import kl
from vdit.exporters.expected import CLASSES, check
from vdit.generator import Generator
from vdit.models import dit
from vdit.pretrained.convert import to_torch
from vdit.pretrained.diffusers import LABELS, weight_paths
from vdit.pretrained.model import Pretrained
from vdit.pretrained.writers import write_safetensors
from vdit.runs.files import write_json

WEIGHTS = "diffusion_pytorch_model.safetensors"
PREDICTS = {"epsilon": "epsilon", "x": "sample", "v": "v_prediction"}
SCHEDULES = {"linear": "linear", "cosine": "squaredcos_cap_v2"}


def write(model: Generator, folder: pathlib.Path) -> list[str]:
    """`model` in the empty folder `folder`; returns how it is used, and what it does not hold.

    Raises `InputError` for what diffusers' DiT has not.
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
        write_safetensors(folder / name / WEIGHTS, weights)
    scheduler = _scheduler(model.objective)
    write_json(folder / "scheduler" / "scheduler_config.json", scheduler)
    classes = {name: settings["_class_name"] for name, (settings, _) in parts.items()}
    classes["scheduler"] = scheduler["_class_name"]
    index = {name: ["diffusers", found] for name, found in sorted(classes.items())}
    labels = {"id2label": _names(model.vocabulary)}
    write_json(folder / "model_index.json", {"_class_name": "DiTPipeline"} | index | labels)
    return _said(model)


def _transformer(c: ModelConfig) -> dict[str, Any]:
    return {
        "_class_name": "DiTTransformer2DModel",
        "num_attention_heads": c.heads,
        "attention_head_dim": c.width // c.heads,
        "in_channels": c.latent[3],
        "out_channels": c.latent[3] * (1 + c.learn_sigma),
        "num_layers": c.depth,
        "attention_bias": True,
        "sample_size": c.latent[1],
        "patch_size": c.patch[1],
        "activation_fn": "gelu-approximate",
        "num_embeds_ada_norm": CLASSES,
        "norm_type": "ada_norm_zero",
        "norm_elementwise_affine": False,
        "norm_eps": 1e-6,  # diffusers' own is 1e-5; DiT's and ours is this
    }


def _weights(model: Generator) -> dict[str, np.ndarray]:
    """Under diffusers' names. Its pipeline takes label 1,000 for none: labels that the run has not
    have the vector of none, too."""
    paths = weight_paths(model.config)
    float32 = dict.fromkeys(paths, np.dtype(np.float32))
    graph, weights = dit.graph_of(model.config), model.chosen_weights()
    found = to_torch(Pretrained("dit", model.config, graph, weights, paths, float32, {}))
    lacking = CLASSES + 1 - model.config.vocabulary
    tables = [name for name in found if name.endswith(LABELS)]
    padded = np.pad(found[tables[0]], ((0, lacking), (0, 0)), mode="edge")
    return found | dict.fromkeys(tables, padded)


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


def _names(vocabulary: Vocabulary) -> dict[str, str]:
    """diffusers' label for each of ours: one less, for our first is none, and its last is."""
    return {str(i): name for i, name in enumerate(("(unknown)", *vocabulary.words))}


def _said(model: Generator) -> list[str]:
    how = model.sampling
    lines = [
        f"pipe = diffusers.DiTPipeline.from_pretrained(FOLDER); pipe(pipe.get_label_ids([NAME]), "
        f"guidance_scale={how.guidance.scale:g}, num_inference_steps={how.steps})"
    ]
    if (how.method, model.objective.spacing) != ("ddim", "trailing"):
        lines.append(
            "its scheduler is DDIM at trailing timesteps, of a number of steps that divides "
            f"{model.objective.timesteps}: samples are those of this run with sampling.method=ddim "
            "and ddpm.spacing=trailing"
        )
    if not how.guidance.always or how.guidance.rescale:
        lines.append("sampling.interval and sampling.rescale are left out: diffusers has neither")
    return lines


WRITE = write
