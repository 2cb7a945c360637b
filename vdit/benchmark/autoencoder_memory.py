"""What coding videos takes of memory at Wan 2.1's width, compiled and not run: chunks, and whole.

python -m vdit.benchmark.autoencoder_memory --frames 81 --size 256 --out memory.csv
"""

import argparse
import functools
import pathlib
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from vdit import errors
from vdit.autoencoders.pixels import check_video, to_float, to_uint8
from vdit.autoencoders.video import decode_in_chunks, encode_in_chunks
from vdit.autoencoders.wan import AutoencoderKLWan, WanConfig
from vdit.runs.files import write_text
from vdit.runs.tables import as_csv


class Row(NamedTuple):
    """One clip of `frames` frames of `size` x `size` pixels. GB (1e9 bytes) by XLA's plan for this
    device: of the weights, and of all that a program holds beside them and its result."""

    coding: str
    way: str
    frames: int
    size: int
    weights_gb: float
    memory_gb: float


def rows(config: WanConfig, frames: int, size: int, ways: list[str]) -> list[Row]:
    """Encoding and decoding in each of the ways; `InputError` for clips that would be cut."""
    video = jax.ShapeDtypeStruct((1, frames, size, size, 3), jnp.uint8)
    check_video(video.shape, config.space, config.time)
    latent = (1, 1 + (frames - 1) // config.time, *[size // config.space] * 2, config.channels)
    inputs = {"encode": video, "decode": jax.ShapeDtypeStruct(latent, jnp.float32)}
    model = nnx.split(nnx.eval_shape(lambda: AutoencoderKLWan(config, rngs=nnx.Rngs(0))))
    return [
        Row(coding, way, frames, size, *_memory(WAYS[way][coding], *model, inputs[coding]))
        for way in ways
        for coding in inputs
    ]


def _encode_whole(graph: nnx.GraphDef, params: nnx.State, video: jax.Array) -> jax.Array:
    return nnx.merge(graph, params).encode(to_float(video))[0]


def _decode_whole(graph: nnx.GraphDef, params: nnx.State, latents: jax.Array) -> jax.Array:
    return to_uint8(nnx.merge(graph, params).decode(latents)[0])


WAYS = {
    "chunks": {
        "encode": functools.partial(encode_in_chunks, latents=1),
        "decode": functools.partial(decode_in_chunks, latents=1),
    },
    "whole": {"encode": _encode_whole, "decode": _decode_whole},
}


def _memory(
    program: Callable, graph: nnx.GraphDef, params: nnx.State, x: jax.ShapeDtypeStruct
) -> tuple[float, float]:
    plan = jax.jit(program, static_argnums=0).lower(graph, params, x).compile().memory_analysis()
    weights = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(params))
    return round(weights / 1e9, 3), round(plan.temp_size_in_bytes / 1e9, 3)


def main() -> None:
    """Prints the table, and writes it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=81)
    parser.add_argument("--size", type=int, default=256, help="height and width in pixels")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--out", type=pathlib.Path)
    args = parser.parse_args()
    text = as_csv([row._asdict() for row in rows(WanConfig(), args.frames, args.size, args.ways)])
    print(text, end="")
    if args.out:
        write_text(args.out, text)


if __name__ == "__main__":
    errors.run(main)
