"""DiT (2212.09748) and Latte (2401.03048) under the names of their authors' codes."""

import math
from collections.abc import Iterator, Mapping

import numpy as np

from vdit.config.model_config import ModelConfig, checked, stages
from vdit.errors import InputError
from vdit.models import dit
from vdit.models.positions import spatial_table, temporal_table
from vdit.pretrained.infer import KeyNames, axes, common
from vdit.pretrained.names import WeightPath, dense

create = dit.create
ATTENTION = {"dit": "full", "latte": "interleaved"}
LABELS = "y_embedder.embedding_table.weight"
KEYS = KeyNames(
    patches="x_embedder.proj.weight",
    noise_level="t_embedder.mlp.0.weight",
    blocks="blocks",
    hidden="blocks.0.mlp.fc1.weight",
    output="final_layer.linear.weight",
)
TOP = {
    "t_embedder.mlp.0": ("noise_level", "up"),
    "t_embedder.mlp.2": ("noise_level", "out"),
    "final_layer.adaLN_modulation.1": ("final_modulation",),
    "final_layer.linear": ("output",),
}
BLOCK = {
    "attn.qkv": ("attentions", 0, "qkv"),
    "attn.proj": ("attentions", 0, "out"),
    "mlp.fc1": ("mlp", "up"),
    "mlp.fc2": ("mlp", "down"),
    "adaLN_modulation.1": ("modulation",),
}


def infer(weights: dict[str, np.ndarray], kind: str, heads: int) -> ModelConfig:
    """The `ModelConfig` of a DiT or Latte with these weights; `InputError` where none fits.

    Positions are the fixed tables where the stored ones are those, otherwise learned.
    """
    found = common(weights, KEYS)
    patch, width = found["patch"][1], found["width"]
    frames = axes(weights, "temp_embed", 3)[1] if kind == "latte" else 1
    side = _side(axes(weights, "pos_embed", 3)[1])
    found |= {
        "latent": (frames, side * patch, side * patch, found["latent"][3]),
        "attention": ATTENTION[kind],
        "condition": "label" if LABELS in weights else "none",
        "vocabulary": axes(weights, LABELS, 2)[0] if LABELS in weights else 0,
        "positions": "sincos" if _is_fixed(weights, width, side, frames) else "learned",
    }
    return checked(ModelConfig(heads=heads, **found))


def weight_paths(config: ModelConfig) -> dict[str, WeightPath]:
    """Name to path, for every weight of a model of this config; fixed tables have none."""
    found = dense("x_embedder.proj", ("patches",), layout="conv")
    for name, path in TOP.items():
        found |= dense(name, path)
    for i, (stack, layer) in enumerate(_layers(config)):
        for name, path in BLOCK.items():
            found |= dense(f"blocks.{i}.{name}", (*stack, *path), layer)
    if config.condition == "label":
        found[LABELS] = WeightPath(("caption", "table"), None, "labels")
    if config.positions == "learned":
        found |= {name: WeightPath(path, None, "table") for name, path in _tables(config).items()}
    return found


def fixed_tables(config: ModelConfig) -> set[str]:
    """The names that are stored but are no weights: tables which the model computes."""
    return set(_tables(config)) if config.positions == "sincos" else set()


def _tables(config: ModelConfig) -> dict[str, tuple]:
    """Names of the position tables, and their paths where they are learned."""
    paths = {"pos_embed": ("positions", "places"), "temp_embed": ("positions", "frames")}
    return paths if config.grid[0] > 1 else {"pos_embed": paths["pos_embed"]}


def _layers(config: ModelConfig) -> Iterator[tuple[tuple, int]]:
    """For each block in PyTorch's order: the path of its stack, and its layer there."""
    for s, (blocks, repeats) in enumerate(stages(config)):
        for layer in range(repeats):
            for b in range(len(blocks)):
                yield ("stages", s, "blocks", b), layer


def _side(patches: int) -> int:
    side = math.isqrt(patches)
    if side * side != patches:
        raise InputError(f"pos_embed has {patches} places: expected a square number")
    return side


def _is_fixed(weights: Mapping[str, np.ndarray], width: int, side: int, frames: int) -> bool:
    """Whether the stored tables are the fixed ones, as exactly as their dtype can tell."""
    tables = {"pos_embed": spatial_table(side, side, width)}
    if frames > 1:
        tables["temp_embed"] = temporal_table(frames, width)
    return all(_close(weights[name], table) for name, table in tables.items())


def _close(stored: np.ndarray, table: np.ndarray) -> bool:
    half = stored.dtype.itemsize < 4
    return stored.shape[1:] == table.shape and np.allclose(
        stored[0].astype(np.float32), table, rtol=0, atol=5e-3 if half else 1e-5
    )
