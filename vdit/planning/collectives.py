"""What moves between devices in a training step: collectives, their bytes and their time. No JAX.

[S] How to Scale Your Model, jax-ml.github.io/scaling-book, chapters "GPUs" and "Training"
[Z] ZeRO, 1910.02054: weights, gradients and moments split over `fsdp` (stage 3)
[M] Megatron, 1909.08053: an all-reduce behind each row-parallel product over `tensor`
[U] Ulysses, 2309.14509: the all-to-all that turns tokens split one way into another
"""

import functools
import math
from collections.abc import Iterator
from typing import NamedTuple

from vdit.config.activations import ITEM
from vdit.config.devices import NODE, Device
from vdit.config.flops import count_params
from vdit.config.model_config import ModelConfig
from vdit.config.network import network
from vdit.config.part import SPLIT, Part
from vdit.config.parts import TOKENS, Attention, Dense
from vdit.planning.assumptions import HOP, LATENCY, LINKS
from vdit.planning.job import Job
from vdit.planning.weights import weights_per_device


class Collective(NamedTuple):
    """One kind of traffic in a step; `bytes` are what each device sends."""

    kind: str
    axis: str
    what: str
    count: int
    bytes: float
    seconds: float


class Transfer(NamedTuple):
    """What a collective has to move, however far: `bytes` of its `count` arrays, as `sent` asks."""

    kind: str
    axis: str
    what: str
    count: int
    bytes: float


def sent(kind: str, size: float, n: int) -> float:
    """Bytes that each of n devices sends [S].

    `size` is the whole array of an all-gather, reduce-scatter or all-reduce (a reduce-scatter and
    an all-gather: 2 P (n - 1) / n), and one device's own part of an all-to-all.
    """
    return (2 if kind == "all-reduce" else 1) * size * (n - 1) / n


def near_and_far(n: int, stride: int) -> tuple[int, int]:
    """How many of n devices, `stride` apart, share a node, and over how many nodes they lie."""
    near = n if n * stride <= NODE else math.gcd(n, max(1, NODE // stride))
    return near, n // near


def seconds(kind: str, size: float, n: int, stride: int, device: Device) -> float:
    """The slower of NVLink within a node and InfiniBand between nodes, both used at once [S].

    Those that share a node each move their part of what the node as one must send. An all-to-all
    has nothing to share: what leaves the node leaves by its own link.
    """
    near, far = near_and_far(n, stride)
    if kind == "all-to-all":
        inside, outside = size * (near - 1) / n, size * (n - near) / n
    else:
        inside, outside = sent(kind, size, near), sent(kind, size, far) / near
    return max(inside / device.nvlink, outside / device.network) / LINKS


def collectives(job: Job) -> list[Collective]:
    """All of a step; an axis of size 1 has none."""
    traffic = (*_of_weights(job), *_of_tokens(job))
    return [_timed(job, t) for t in traffic if job.mesh[t.axis] > 1 and t.count]


def _timed(job: Job, t: Transfer) -> Collective:
    n, stride = job.mesh[t.axis], job.stride(t.axis)
    starts = t.count * (LATENCY + HOP * (near_and_far(n, stride)[1] - 1))
    time = starts + seconds(t.kind, t.bytes, n, stride, job.device)
    return Collective(t.kind, t.axis, t.what, t.count, sent(t.kind, t.bytes, n), time)


def _of_weights(job: Job) -> Iterator[Transfer]:
    """Weights are gathered forward and again backward: nobody keeps them [Z]."""
    model, mesh, item = job.model, job.mesh, ITEM[job.model.dtype]
    layers = sum(layer.repeats for layer in network(model).layers)
    own = item * weights_per_device(model, mesh)
    gathered = item * weights_per_device(model, mesh | {"fsdp": 1})
    yield Transfer("all-gather", "fsdp", "weights", 2 * layers, 2 * gathered)
    yield Transfer("reduce-scatter", "fsdp", "gradients", layers, gathered)
    yield Transfer("all-reduce", "data", "gradients", layers, own)
    # What modulates a clip is alike on all that share its tokens, and so are those gradients.
    shared = item * _modulation_weights(model) / (mesh["fsdp"] * mesh["tensor"])
    yield Transfer("all-reduce", "context", "gradients", layers, own - shared)


def _of_tokens(job: Job) -> Iterator[Transfer]:
    """Backward as much as forward; "full" does forward again."""
    passes = 3 if job.model.remat == "full" else 2
    dense, attentions = _parts(job.model, Dense), _parts(job.model, Attention)
    # Forward behind each product whose rows `tensor` splits, backward in front of its part [M].
    rows = [(p.rows * p.d_out, n) for p, n in dense if p.of == TOKENS and p.axes[0] in SPLIT]
    yield _moved(job, "all-reduce", "tensor", passes, rows)
    yield from _of_keys(job)
    # To each attention over time and back [U].
    over_time = [(p.rows * p.width, n) for p, n in attentions if p.axis in ("time", "split")]
    yield _moved(job, "all-to-all", "context", 2 * passes, over_time)


def _moved(job: Job, kind: str, axis: str, times: int, arrays: list[tuple[int, int]]) -> Transfer:
    """So many times the arrays of a clip's tokens, (numbers, how many) each."""
    numbers = times * sum(size * n for size, n in arrays)
    moved = job.clips * numbers * ITEM[job.model.dtype] / job.mesh["context"]
    return Transfer(kind, axis, "tokens", times * sum(n for _, n in arrays), moved)


def _of_keys(job: Job) -> Iterator[Transfer]:
    """Keys and values of attention to all tokens, which are kept, or gathered again."""
    found = full_attentions(job.model)
    keys, count = sum(n * keys_bytes(job, p) for p, n in found), 2 * sum(n for _, n in found)
    again = 1 if job.model.remat == "none" else 2
    yield Transfer("all-gather", "context", "keys, values", again * count, again * keys)
    yield Transfer("reduce-scatter", "context", "their gradients", count, keys)


def full_attentions(model: ModelConfig) -> list[tuple[Attention, int]]:
    """Attentions of all tokens to all of them, and how often each is there."""
    return [(p, n) for p, n in _parts(model, Attention) if p.axis == "full"]


def keys_bytes(job: Job, attention: Attention) -> float:
    """Bytes of the keys and values of all tokens, of a device's heads."""
    numbers = 2 * job.clips * attention.keys * attention.width
    return numbers * ITEM[job.model.dtype] / job.mesh["tensor"]


@functools.cache
def _parts(model: ModelConfig, kind: type[Part]) -> list[tuple[Part, int]]:
    """Those of the layers that are of one kind, and how often each is there."""
    return [(p, n) for p, n in network(model).parts_of_layers() if isinstance(p, kind)]


@functools.cache
def _modulation_weights(model: ModelConfig) -> int:
    counts = count_params(model)
    return counts["params"] - counts["params_no_adaln"]
