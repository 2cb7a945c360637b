"""Published autoencoders by their files: of images Stable Diffusion's `kl` and `taef2`, of videos
`wan`."""

import hashlib
import json
import pathlib
from collections.abc import Callable
from typing import Any

from flax import nnx

from vdit.autoencoders.kl import AutoencoderKL, KLConfig
from vdit.autoencoders.layout import Weights, filled
from vdit.autoencoders.taesd import TAESD
from vdit.autoencoders.wan import AutoencoderKLWan, WanConfig
from vdit.errors import InputError
from vdit.pretrained.infer import listed
from vdit.pretrained.readers import READERS, read

DIFFUSERS = "diffusion_pytorch_model.safetensors"
HALVES = ("encoder", "decoder")  # TAEF2's weights are two files with these words in their names
# Of config.json, diffusers' class and its names of our settings.
CLASSES = {"kl": "AutoencoderKL", "wan": "AutoencoderKLWan"}
SETTINGS = {
    "kl": {"groups": "norm_num_groups", "scale": "scaling_factor", "shift": "shift_factor"},
    "wan": {
        "channels": "z_dim",
        "width": "base_dim",
        "decoder_width": "decoder_base_dim",
        "multiples": "dim_mult",
        "depth": "num_res_blocks",
        "time_halved": "temperal_downsample",
    },
}
# Wan 2.2's; and, not empty, what diffusers' own encoder has no way through (0.42.1).
UNKNOWN = ("is_residual", "patch_size", "attn_scales")
# Stable Diffusion's own file of 2022 names the layers of an attention so.
NAMES_OF_2022 = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


def read_stored(name: str, path: str) -> tuple[Weights, dict[str, Any]]:
    """The weights at `path` of kl, taef2 or wan by their (present) names, and the settings beside
    them.

    `path` is a file or, for taef2 always, a folder of them. A config.json beside it, as diffusers
    writes it, may give kl's scaling_factor, shift_factor and norm_num_groups, and all of wan's.
    Raises `InputError` naming a file.
    """
    found = files(name, path)
    if name == "taef2":
        halves = zip(HALVES, map(read, found), strict=True)
        return {f"{half}.{k}": v for half, stored in halves for k, v in stored.items()}, {}
    weights = {_present_name(k): v for k, v in read(found[0]).items()}
    return weights, _settings(name, found[1]) if found[1:] else {}


def from_stored(
    name: str, weights: Weights, settings: dict[str, Any]
) -> tuple[nnx.GraphDef, nnx.State]:
    """The autoencoder of these weights, float32; what its settings do not say is inferred from
    shapes (wan's without any are Wan 2.1's). Raises `InputError` naming what does not fit."""
    if name == "wan":
        return filled(weights, _wan(weights, settings))
    return filled(weights, _taesd(weights) if name == "taef2" else _kl(weights, settings))


def fingerprint(name: str, path: str) -> str:
    """12 hex digits of the bytes of all files that `read_stored` reads."""
    digest = hashlib.sha256(name.encode())
    for file in files(name, path):
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:12]


def files(name: str, path: str) -> list[pathlib.Path]:
    """The files of these weights: of taef2 encoder and decoder, of others weights and settings."""
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


def _settings(name: str, file: pathlib.Path) -> dict[str, Any]:
    try:
        given = json.loads(file.read_text())
        found = given.get("_class_name", CLASSES[name])
        settings = {k: given[theirs] for k, theirs in SETTINGS[name].items() if theirs in given}
    except (AttributeError, ValueError) as error:
        raise InputError(f"{file}: not the JSON of a model's settings: {error}") from error
    found += "".join(f" with {k}={given[k]}" for k in UNKNOWN if given.get(k))
    if found != CLASSES[name]:
        raise InputError(
            f"{file}: weights of another autoencoder, {found}: expected {CLASSES[name]}, as "
            f"autoencoder.name={name} says"
        )
    return {k: v for k, v in settings.items() if v is not None}


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


def _wan(weights: Weights, settings: dict) -> Callable[[], AutoencoderKLWan]:
    """Makes the AutoencoderKLWan of these settings."""
    found = weights["encoder.conv_in.weight"].shape if "encoder.conv_in.weight" in weights else ()
    if len(found) != 5:
        raise InputError(
            f"weights of another autoencoder: encoder.conv_in.weight: {found or 'none'}: expected "
            "five axes, as wan's convolutions have under diffusers' names"
        )
    config = WanConfig.of(settings)
    return lambda: AutoencoderKLWan(config, rngs=nnx.Rngs(0))


def _axes(weights: Weights, name: str) -> tuple[int, ...]:
    if name not in weights or weights[name].ndim != 4:
        found = weights[name].shape if name in weights else "nothing"
        raise InputError(f"autoencoder: {name}: expected a convolution; found {found}")
    return weights[name].shape


def _count(weights: Weights, prefix: str) -> int:
    """How many numbered parts there are below a prefix."""
    depth = prefix.count(".") + 1
    return len({name.split(".")[depth] for name in weights if name.startswith(f"{prefix}.")})
