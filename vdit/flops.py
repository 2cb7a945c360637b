"""FLOPs, tokens and weights of a VideoDiT in closed form. No JAX here.

    python -m vdit.flops --size XL --patch 1,2,2 --latent 1,32,32,4 --classes 1000 --learn_sigma

prints them as JSON. DiT and Latte as published have `--positions sincos --no_qk_norm` too.

A FLOP is a true operation: 2 for each multiply-accumulate. Training is the forward pass plus twice
that for the backward pass, less the two products that nobody forms: the gradients with respect to
the noised latents and to the noise level's sinusoids. Element-wise work is not counted.
"""

import argparse
import dataclasses
import json

from vdit import cli, unet_flops
from vdit.activations import ITEM, activation_bytes
from vdit.errors import InputError
from vdit.sizes import (
    POSITIONS,
    SIZES,
    VARIANTS,
    Shape,
    checked,
    seen_by,
    shape_of,
    size_of,
    stages,
)


def _captioned(s: Shape) -> bool:
    """Whether a caption is embedded and pooled; a label's row of a table takes no product."""
    return s.condition in ("text", "class")


def _first_layers(s: Shape) -> int:
    """FLOPs of the layers whose input needs no gradient: patches, noise level, given embeddings."""
    embeddings = 2 * s.text_length * s.text_features * s.width if _captioned(s) else 0
    levels = 2 * s.levels * s.frequencies * s.width
    return 2 * s.tokens * s.patch_numbers * s.width + levels + embeddings


def _attention(s: Shape, grouping: str) -> int:
    n, d = s.tokens + s.context, s.width
    return 2 * n * d * 3 * d + int(2 * n * seen_by(s, grouping) * d * 2) + 2 * n * d * d


def _block(s: Shape, groupings: tuple[str, ...]) -> int:
    n, d, hidden = s.tokens, s.width, int(s.width * s.mlp_ratio)
    modulation = 2 * s.levels * d * 3 * (len(groupings) + 1) * d
    attention = sum(_attention(s, grouping) for grouping in groupings)
    mlp = 2 * (n + s.context) * d * hidden * 2
    cross = 0
    if s.crosses:
        m = s.text_length
        cross = 2 * n * d * d * 2 + 2 * m * d * 2 * d + 2 * n * m * d * 2
    return modulation + attention + cross + mlp


def _blocks(s: Shape):
    """The groupings of every block of the model, in order of its stages."""
    return [block for blocks, repeats in stages(s) for block in blocks * repeats]


def forward_flops(s: Shape) -> int:
    """FLOPs of one forward pass for one clip."""
    level = 2 * s.levels * s.width**2
    pooled = 2 * s.width**2 if _captioned(s) else 0
    body = unet_flops.body_flops(s) if s.attention == "unet" else _body_flops(s)
    return _first_layers(s) + level + pooled + body


def _body_flops(s: Shape) -> int:
    last = 2 * s.levels * s.width * 2 * s.width + 2 * s.tokens * s.width * s.output_numbers
    return sum(_block(s, block) for block in _blocks(s)) + last


def training_flops(s: Shape) -> int:
    """FLOPs of forward and backward pass for one clip; recomputation is not counted."""
    return 3 * forward_flops(s) - _first_layers(s)


def gmacs(s: Shape) -> float:
    """Multiply-accumulates of a forward pass in 1e9: what papers of the DiT line call Gflops."""
    return forward_flops(s) / 2e9


def count_params(s: Shape) -> dict[str, int]:
    """`params`, `params_total`, `params_no_adaln`, as DESIGN section 4 defines them."""
    d = s.width
    body = unet_flops.body_params(s) if s.attention == "unet" else _body_params(s)
    plain = body["plain"] + s.frequencies * d + d + d * d + d
    params = plain + body["modulation"]
    ends = body["end"] + s.patch_numbers * d + d
    return {
        "params": params,
        "params_total": params + ends + _caption_params(s) + _position_params(s),
        "params_no_adaln": plain,
    }


def _body_params(s: Shape) -> dict[str, int]:
    d, hidden, head = s.width, int(s.width * s.mlp_ratio), s.width // s.heads
    attention = 4 * d * d + 4 * d + 2 * head * s.qk_norm
    rest = 2 * d * hidden + hidden + d + attention * s.crosses
    parts = [len(groupings) for groupings in _blocks(s)]
    return {
        "plain": sum(n * attention + rest for n in parts),
        "modulation": (sum(3 * (n + 1) for n in parts) + 2) * (d * d + d),
        "end": (d + 1) * s.output_numbers,
    }


def _caption_params(s: Shape) -> int:
    d = s.width
    if not _captioned(s):
        return s.vocabulary * d if s.condition == "label" else 0
    words = (s.text_features + 2) * d if s.text_features else s.vocabulary * d
    return words + s.text_length * d + d * d + d


def _position_params(s: Shape) -> int:
    frames, places = s.grid[0], s.grid[1] * s.grid[2]
    learned = places + (frames if frames > 1 else 0)
    return learned * s.width if s.positions == "learned" else 0


def training_flops_per_clip(config) -> int:
    """FLOPs that training spends on one clip under a config."""
    return training_flops(shape_of(config))


def tokens_per_clip(config) -> int:
    """Latent patches in one clip under a config."""
    return shape_of(config).tokens


def params(config) -> dict[str, int]:
    """Weights under a config; without its data's words, which only `params_total` would count."""
    return count_params(shape_of(config))


def report(s: Shape) -> dict[str, float]:
    """What `python -m vdit.flops` prints: weights, then cost and kept bytes for one clip."""
    counts = count_params(s)
    return {
        "params": counts["params"],
        "params_total": counts["params_total"],
        "gmacs": gmacs(s),
        "flops_forward": forward_flops(s),
        "flops_training": training_flops(s),
        "activation_bytes": activation_bytes(s),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m vdit.flops", description=report.__doc__)
    parser.add_argument("--size", required=True, help=", ".join(SIZES))
    parser.add_argument("--patch", default="1,2,2", help="frames, height, width of a patch")
    parser.add_argument("--latent", default="1,32,32,4", help="T,H,W,C of a clip's latents")
    parser.add_argument("--attention", default="full", help=", ".join(VARIANTS))
    parser.add_argument("--classes", default="0", help="class labels, the null label apart")
    parser.add_argument("--text", default="0", help="caption tokens; words are not counted")
    parser.add_argument("--positions", default="rotary", help=", ".join(POSITIONS))
    parser.add_argument("--dtype", default="float32", help=", ".join(ITEM))
    parser.add_argument("--no_qk_norm", action="store_true", help="queries, keys as they are")
    parser.add_argument("--learn_sigma", action="store_true", help="a learned variance comes out")
    return parser


def _integers(flag: str, text: str, count: int, least: int) -> tuple[int, ...]:
    words = text.split(",")
    if len(words) != count or not all(w.strip().isdecimal() and int(w) >= least for w in words):
        wanted = f"{count} whole numbers of at least {least}" if count > 1 else f"{least} or more"
        raise InputError(f"--{flag} {text}: expected {wanted}")
    return tuple(map(int, words))


def _asked(args: argparse.Namespace) -> Shape:
    (classes,), (text,) = (_integers(f, getattr(args, f), 1, 0) for f in ("classes", "text"))
    if classes and text:
        raise InputError("--classes and --text: expected one of them")
    if args.dtype not in ITEM:
        raise InputError(f"--dtype {args.dtype}: expected one of {', '.join(ITEM)}")
    latent = _integers("latent", args.latent, 4, 1)
    shape = Shape(latent, _integers("patch", args.patch, 3, 1), *size_of(args.size))
    condition = "text" if text else "label" if classes else "none"
    changes = {k: getattr(args, k) for k in ("attention", "positions", "learn_sigma", "dtype")}
    changes |= {"condition": condition, "text_length": text or 1, "vocabulary": classes + 1}
    return checked(dataclasses.replace(shape, qk_norm=not args.no_qk_norm, **changes))


def main() -> int:
    """Counts the model that the command line asks for."""
    print(json.dumps(report(_asked(_parser().parse_args())), indent=2))
    return 0


if __name__ == "__main__":
    cli.run(main)
