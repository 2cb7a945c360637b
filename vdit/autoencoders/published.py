"""Published image autoencoders from their PyTorch names: Stable Diffusion's `kl` and `taef2`.

A model's attributes are named as PyTorch names them, so a path in its weights is a stored name.
"""

import hashlib
import json
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from vdit.autoencoders.kl import AutoencoderKL, KLConfig
from vdit.autoencoders.taesd import TAESD
from vdit.errors import InputError
from vdit.pretrained.infer import listed
from vdit.pretrained.readers import READERS, read

Weights = dict[str, np.ndarray]  # by PyTorch's names

DIFFUSERS = "diffusion_pytorch_model.safetensors"
HALVES = ("encoder", "decoder")  # TAEF2's weights are two files with these words in their names
# Stable Diffusion's own file of 2022 names the layers of an attention so.
NAMES_OF_2022 = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


def load(name: str, path: str) -> tuple[nnx.GraphDef, nnx.State]:
    """The autoencoder `name`, kl or taef2, with the weights at `path`, float32.

    `path` is a file or, for taef2 always, a folder of them; a config.json beside kl's may give
    scaling_factor, shift_factor and norm_num_groups, as diffusers writes it. All else is inferred
    from shapes. Raises `InputError` naming a file or the names and shapes that do not fit.
    """
    return from_stored(name, *read_stored(name, path))


def read_stored(name: str, path: str) -> tuple[Weights, dict[str, Any]]:
    """The weights at `path` by their (present) names, and the settings beside them."""
    found = files(name, path)
    if name == "taef2":
        halves = zip(HALVES, map(read, found), strict=True)
        return {f"{half}.{k}": v for half, stored in halves for k, v in stored.items()}, {}
    weights = {_present_name(k): v for k, v in read(found[0]).items()}
    return weights, _settings(found[1:])


def from_stored(
    name: str, weights: Weights, settings: dict[str, Any]
) -> tuple[nnx.GraphDef, nnx.State]:
    """The autoencoder of these weights."""
    return _filled(weights, _taesd(weights) if name == "taef2" else _kl(weights, settings))


def to_stored(state: nnx.State) -> Weights:
    """The weights under PyTorch's names and in its layout, as `from_stored` takes them."""
    stored = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(state):
        array = np.asarray(leaf)
        order = {4: (3, 2, 0, 1), 2: (1, 0)}.get(array.ndim, (0,))
        stored[name_of(path)] = array.transpose(order)
    return stored


def fingerprint(name: str, path: str) -> str:
    """12 hex digits of the bytes of all files that `load` reads."""
    digest = hashlib.sha256(name.encode())
    for file in files(name, path):
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:12]


def files(name: str, path: str) -> list[pathlib.Path]:
    """The files that `load` reads: of taef2 encoder and decoder, of kl weights and settings."""
    path = pathlib.Path(path)
    inside = sorted(f for f in path.glob("*") if f.suffix in READERS) if path.is_dir() else [path]
    if name == "taef2":
        return [_only([f for f in inside if word in f.name], path, word) for word in HALVES]
    weights = [f for f in inside if f.name == DIFFUSERS] or inside
    file = _only(weights, path, "weights")
    settings = file.with_name("config.json")
    return [file, settings] if settings.exists() else [file]


def _only(found: list[pathlib.Path], path: pathlib.Path, what: str) -> pathlib.Path:
    if len(found) != 1 or not found[0].is_file():
        names = listed(f.name for f in found if f.is_file()) or "none"
        raise InputError(f"autoencoder.dir={path}: expected one file of its {what}; found {names}")
    return found[0]


def _present_name(name: str) -> str:
    parts = name.split(".")
    if "attentions" in parts and parts[-2] in NAMES_OF_2022:
        parts[-2] = NAMES_OF_2022[parts[-2]]
    return ".".join(parts)


def _settings(found: list[pathlib.Path]) -> dict:
    try:
        given = json.loads(found[0].read_text()) if found else {}
        keys = {"groups": "norm_num_groups", "scale": "scaling_factor", "shift": "shift_factor"}
        return {k: given[theirs] for k, theirs in keys.items() if given.get(theirs) is not None}
    except (AttributeError, ValueError) as error:
        raise InputError(f"{found[0]}: not the JSON of a model's settings: {error}") from error


def _kl(weights: Weights, settings: dict) -> Callable[[], AutoencoderKL]:
    """Makes the AutoencoderKL whose weights have these shapes."""
    levels, start = _count(weights, "encoder.down_blocks"), "encoder.down_blocks.{}"
    firsts = [f"{start.format(i)}.resnets.0.conv1.weight" for i in range(levels)]
    within = [*map(start.format, range(levels)), "encoder.mid_block"]
    config = KLConfig(
        channels=_axes(weights, "encoder.conv_out.weight")[0] // 2,
        widths=tuple(_axes(weights, name)[0] for name in firsts),
        depth=_count(weights, f"{start.format(0)}.resnets"),
        attention=tuple(_count(weights, f"{part}.attentions") > 0 for part in within),
        quant=("quant_conv.weight" in weights, "post_quant_conv.weight" in weights),
        **settings,
    )
    if bad := [w for w in config.widths if w % config.groups]:
        raise InputError(f"norm_num_groups={config.groups} does not divide the width {bad[0]}")
    return lambda: AutoencoderKL(config, rngs=nnx.Rngs(0))


def _taesd(weights: Weights) -> Callable[[], TAESD]:
    """Makes the TAESD whose weights have these shapes."""
    width, channels = _axes(weights, "decoder.1.weight")[:2]
    pool = any(".pool." in name for name in weights)
    return lambda: TAESD(channels, width, pool, rngs=nnx.Rngs(0))


def _axes(weights: Weights, name: str) -> tuple[int, ...]:
    if name not in weights or weights[name].ndim != 4:
        found = weights[name].shape if name in weights else "nothing"
        raise InputError(f"autoencoder: {name}: expected a convolution; found {found}")
    return weights[name].shape


def _count(weights: Weights, prefix: str) -> int:
    """How many numbered parts there are below a prefix."""
    depth = prefix.count(".") + 1
    return len({name.split(".")[depth] for name in weights if name.startswith(f"{prefix}.")})


def _filled(weights: Weights, make: Callable[[], nnx.Module]) -> tuple[nnx.GraphDef, nnx.State]:
    graph, state = nnx.split(nnx.eval_shape(make))
    leaves = {name_of(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(state)}
    parts = [f"lack {listed(n)}" for n in [leaves.keys() - weights.keys()] if n]
    parts += [f"have unknown {listed(n)}" for n in [weights.keys() - leaves.keys()] if n]
    if parts:
        raise InputError(f"the autoencoder's weights {' and '.join(parts)}")
    filled = [_transposed(name, weights[name], leaf.shape) for name, leaf in leaves.items()]
    return graph, jax.tree.unflatten(jax.tree.structure(state), filled)


def name_of(path: Sequence[Any]) -> str:
    """PyTorch's name of a weight; it has none for the list inside `nnx.Sequential`."""
    *keys, last = (str(k.key) for k in path if hasattr(k, "key"))
    last = {"kernel": "weight", "scale": "weight"}.get(last, last)
    return ".".join([*(k for k in keys if k != "layers"), last])


def _transposed(name: str, array: np.ndarray, shape: tuple[int, ...]) -> jax.Array:
    """PyTorch's (out, in, h, w) or (out, in) as (h, w, in, out) or (in, out)."""
    order = {4: (2, 3, 1, 0), 2: (1, 0)}.get(len(shape), (0,))
    expected = tuple(n for _, n in sorted(zip(order, shape, strict=True)))
    if array.shape != expected:
        raise InputError(f"{name}: shape {array.shape}: expected {expected}")
    return jnp.asarray(array.transpose(order), jnp.float32)
