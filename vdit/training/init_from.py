"""A run that starts from other weights: a published checkpoint's, or those of a run of ours.

Images first, then video (Latte, 2401.03048): the blocks of an image model become the video model's
blocks over space. adaLN-Zero makes a new block over time the identity, so that before the first
step every frame of a clip is what the image model makes of it.
"""

import hashlib
import json
import pathlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import nnx

from vdit.config.model_config import LAYOUTS, ModelConfig
from vdit.config.sizes import model_config_of
from vdit.errors import InputError
from vdit.generator.generator import FILE, FOLDER
from vdit.models.positions import spatial_table, temporal_table
from vdit.pretrained import from_torch, read
from vdit.pretrained.infer import listed
from vdit.runs import checkpoint
from vdit.runs.files import read_json
from vdit.runs.folder import read_config
from vdit.runs.weights import name_of

# Paths of weights, as checkpoints have them.
TEMPORAL, SPATIAL, LABELS = "positions/frames", "positions/places", "caption/table"
POOL, TIMESTEP = "caption/pool/kernel", "noise_level/out/bias"
SHAPE = "shape/"  # the embedding of a clip's shape, zero in a new model


class Source(NamedTuple):
    """Weights to start from, each under its path in a VideoDiT of `model`."""

    model: ModelConfig
    weights: dict[str, np.ndarray]


def fingerprint(path: str) -> str:
    """12 hex digits of the names and bytes of the weights at `path`."""
    digest = hashlib.sha256()
    for name, array in sorted(_stored(path).items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:12]


def load(path: str, heads: int) -> Source:
    """The averaged weights of a run folder, or a file of DiT's or Latte's under PyTorch's names."""
    stored, folder = _stored(path), pathlib.Path(path)
    if folder.is_dir():
        return Source(model_config_of(read_config(folder)), stored)
    kind = "latte" if "temp_embed" in stored else "dit"
    found = from_torch(stored, kind, heads)
    leaves = jax.tree_util.tree_leaves_with_path(found.weights)
    return Source(found.config, {name_of(p): np.asarray(x) for p, x in leaves})


def check_encoder(path: str, vocabulary: Any) -> None:
    """Raises `InputError` where the run at `path` read captions of another text encoder whose
    embeddings have as many numbers: its weights would fit, and mean nothing."""
    about = pathlib.Path(path) / FOLDER / FILE
    if not (hasattr(vocabulary, "empty") and about.is_file()):
        return
    theirs = read_json(about, "what a run wrote of its generator").get("vocabulary") or {}
    same = vocabulary.fingerprint, vocabulary.features
    if "empty" in theirs and theirs["features"] == same[1] and theirs["fingerprint"] != same[0]:
        raise InputError(
            f"init={path}: its captions were embedded by {theirs['fingerprint']} "
            f"({theirs['encoder']}), this run's by {vocabulary.fingerprint} "
            f"({vocabulary.encoder}); expected the same text encoder"
        )


def _stored(path: str) -> dict[str, np.ndarray]:
    if not pathlib.Path(path).is_dir():
        return read(path)
    config = pathlib.Path(path) / "config.json"
    if not config.exists() or "model" not in json.loads(config.read_text()):
        raise InputError(f"init={path}: expected the folder of a run that makes videos, or a file")
    return checkpoint.read_arrays(path, "ema")


def over_time(attention: str) -> tuple[str, ...]:
    """Where a variant's weights lie that see other frames alone. The others have the names that
    they have in a model of full attention: in one of images that is attention over space."""
    found = []
    for block, axes in _blocks(attention):
        seen = [f"{block}attentions/{i}/" for i, axis in enumerate(axes) if axis == "time"]
        found += [block] if len(seen) == len(axes) else seen
    return tuple(found)


def _blocks(attention: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The path of each block of a variant of the transformer, and the axes of its attentions."""
    for s, stage in enumerate(LAYOUTS.get(attention, ())):
        yield from ((f"stages/{s}/blocks/{b}/", axes) for b, axes in enumerate(stage))


def transfer(source: Source, model: ModelConfig, fresh: nnx.State) -> tuple[nnx.State, str]:
    """`fresh`, the weights of a model of this config, with the source's in their places.

    Also says in a line what is left as it was, or nothing. Raises `InputError` naming the first
    thing that does not fit: heads, positions, attention, names, a weight and both shapes.
    """
    _check(source.model, model)
    paths = jax.tree_util.tree_leaves_with_path(fresh)
    leaves = {name_of(path): leaf for path, leaf in paths}
    weights = _for_frames(source, model)
    fresh_if_absent = *over_time(model.attention), SHAPE
    own = {n for n in leaves if n in weights or not n.startswith(fresh_if_absent)}
    captioned = {n for n in own | weights.keys() if n.startswith("caption/") or "/cross/" in n}
    new = {n for n in captioned if n not in leaves or n not in weights}
    new |= {n for n in captioned - new if weights[n].shape != leaves[n].shape}
    if source.model.condition == "label" and LABELS in new:
        weights |= _unconditional(weights, leaves)
    weights = {n: x for n, x in weights.items() if n not in new or n == POOL}
    _check_names(own - new, weights, leaves)
    placed = [_placed(name, weights.get(name), leaf) for name, leaf in leaves.items()]
    return jax.tree.unflatten(jax.tree.structure(fresh), placed), _left_out(source, model, new)


def _check(source: ModelConfig, model: ModelConfig) -> None:
    if source.heads != model.heads:
        raise InputError(f"init: its model has {source.heads} heads, this one {model.heads}")
    if (source.positions, model.positions) != ("sincos", "learned"):
        _same("positions", source.positions, model.positions)
    images = source.grid[0] == 1 and source.attention == "full"
    if not (images and over_time(model.attention)):
        _same("attention", source.attention, model.attention)


def _same(key: str, source: str, own: str) -> None:
    if source != own:
        raise InputError(f"init: model.{key}={own}: its model has {source}, which cannot become it")


def _for_frames(source: Source, model: ModelConfig) -> dict[str, np.ndarray]:
    """The source's weights as this model has them, but for what is over time and new."""
    weights, grid = dict(source.weights), source.model.grid
    if (source.model.positions, model.positions) == ("sincos", "learned"):
        weights[SPATIAL] = spatial_table(*grid[1:], source.model.width)
        if grid[0] > 1:
            weights[TEMPORAL] = temporal_table(grid[0], source.model.width)
    if model.positions == "learned" and model.grid[0] > 1 and TEMPORAL not in weights:
        weights[TEMPORAL] = np.zeros((model.grid[0], model.width))
    if source.model.attention == "full":
        for block, axes in _blocks(model.attention):  # gates of each attention, and of the MLP
            paths = {f"{block}modulation/{name}" for name in ("kernel", "bias")}
            for path in paths & weights.keys():
                own, mlp = np.split(weights[path], 2, axis=-1)
                gates = [own * (axis != "time") for axis in axes]
                weights[path] = np.concatenate([*gates, mlp], axis=-1)
    return weights


def _unconditional(weights, leaves) -> dict[str, np.ndarray]:
    """Without its table of labels a model goes on as it was for the null label, row 0."""
    changed = {TIMESTEP: weights[TIMESTEP] + weights[LABELS][0]}
    return changed | ({POOL: np.zeros(leaves[POOL].shape)} if POOL in leaves else {})


def _check_names(expected, weights, leaves) -> None:
    parts = [f"lacks {listed(n)}" for n in [expected - weights.keys()] if n]
    parts += [f"has {listed(n)}" for n in [weights.keys() - leaves.keys()] if n]
    if parts:
        raise InputError(f"init: beside this model's its checkpoint {' and '.join(parts)}")


def _placed(name: str, array: np.ndarray | None, leaf: jax.Array) -> jax.Array:
    if array is None:
        return leaf
    if array.shape != leaf.shape:
        raise InputError(f"init: {name}: shape {array.shape}: this model's is {leaf.shape}")
    return jax.device_put(array.astype(leaf.dtype), leaf.sharding)


def _left_out(source: Source, model: ModelConfig, new: set[str]) -> str:
    parts = [f"not taken, captions or labels differ: {listed(new)}"] if new else []
    if model.positions == "sincos" and model.grid[0] > 1 == source.model.grid[0]:
        parts.append("the fixed table of frames is new to it (positions=learned starts at zero)")
    if model.shape_condition and not source.model.shape_condition:
        parts.append("the shape of clips is new to it (its embedding starts at zero)")
    return "; ".join(parts)
