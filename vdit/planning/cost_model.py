"""Memory, collectives and time of a training step on a mesh: formulas, not measurements. No JAX.

[S] How to Scale Your Model, jax-ml.github.io/scaling-book, chapters "GPUs" and "Training"
[Z] ZeRO, 1910.02054: weights, gradients and moments split over `fsdp` (stage 3)
[M] Megatron, 1909.08053: an all-reduce behind each row-parallel product over `tensor`
[A] Reducing activation recomputation, 2205.05198: which activations `tensor` does not split
[U] Ulysses, 2309.14509: the all-to-all that turns tokens split one way into another
[F] FlashAttention-3, 2407.08608: a fused kernel keeps no probabilities; its rates on an H100
Not counted: the host, input, checkpoints, vectors of a clip, stragglers.
"""

import functools
import math
from typing import NamedTuple

from vdit.config.activations import ITEM, Kept, kept, working
from vdit.config.devices import NODE, Device
from vdit.config.flops import count_params, recomputed_flops, training_flops
from vdit.config.model_config import ModelConfig, stages
from vdit.planning.job import Job
from vdit.planning.weights import layer_weights, weights

kept, working = functools.cache(kept), functools.cache(working)
training_flops, recomputed_flops, count_params = map(
    functools.cache, (training_flops, recomputed_flops, count_params)
)

# What no data sheet says. Change a number here and `python -m vdit.plan --table` says what follows.
PRODUCTS = 0.65  # of the peak, inside matrix products and fused attention ([F]: 0.5 to 0.75)
LINKS = 0.8  # of the data sheets' rates (376 of 450 GB/s: github.com/NVIDIA/nccl/issues/1264)
OVERLAP = 0.8  # of weights' and gradients' traffic hides, behind so much of the work ([S] takes 1)
LATENCY = 20e-6  # seconds that each collective costs, however small
HOP = 5e-6  # and for each further node of its ring
USABLE = 0.92  # of the HBM; the rest is the driver's, NCCL's and lost between buffers
PASSES = {"none": 3, "dots": 5, "full": 5}  # write and read, again if recomputed, read backward
STATE = 16  # bytes a weight: float32 weights, their average (EMA), two moments of Adam [Z]
UPDATE = 44  # bytes read and written a weight: gradient 3x, the state of 16 in, 16 out

ASSUMPTIONS = {
    "products_share_of_peak": PRODUCTS,
    "links_share_of_data_sheet": LINKS,
    "overlap_share": OVERLAP,
    "latency_s_of_a_collective": LATENCY,
    "latency_s_of_a_node": HOP,
    "usable_share_of_memory": USABLE,
    "attention": "fused, no probabilities kept",
    "weights_and_gradients_travel_in": "the dtype of the computation",
}


class Collective(NamedTuple):
    """One kind of traffic in a step; `bytes` are what each device sends."""

    kind: str
    axis: str
    what: str
    count: int
    bytes: float
    seconds: float


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
    return [_collective(job, *row) for row in _rows(job) if job.mesh[row[1]] > 1]


def _collective(job: Job, kind, axis, what, count, size) -> Collective:
    n, stride = job.mesh[axis], job.stride(axis)
    starts = count * (LATENCY + HOP * (near_and_far(n, stride)[1] - 1))
    time = starts + seconds(kind, size, n, stride, job.device)
    return Collective(kind, axis, what, count, sent(kind, size, n), time)


def _rows(job: Job):
    """(kind, axis, what, how often, bytes of all together); backward as much as forward."""
    s, mesh, item = job.shape, job.mesh, ITEM[job.shape.dtype]
    layers, own = s.depth, item * _own(s, mesh)
    whole = item * _own(s, mesh | {"fsdp": 1})
    tokens = job.clips * (s.tokens + s.context) / mesh["context"] * s.width * item
    attentions = [g for layer, n in stages(s) for block in layer * n for g in block]
    # Weights are gathered forward and again backward: nobody keeps them [Z].
    yield "all-gather", "fsdp", "weights", 2 * layers, 2 * whole
    yield "reduce-scatter", "fsdp", "gradients", layers, whole
    yield "all-reduce", "data", "gradients", layers, own
    # What modulates a clip is alike on all that share its tokens, and so are those gradients.
    yield "all-reduce", "context", "gradients", layers, own - item * _modulation(s, mesh)
    # Forward behind attention and MLP, backward in front of them; "full" does forward again [M].
    products = (len(attentions) + layers * (1 + s.crosses)) * (3 if s.remat == "full" else 2)
    yield "all-reduce", "tensor", "tokens", products, products * tokens
    if s.attention == "full":
        keys, again = _keys(job), 1 if s.remat == "none" else 2  # kept, or gathered again
        yield "all-gather", "context", "keys, values", 2 * again * layers, again * layers * keys
        yield "reduce-scatter", "context", "their gradients", 2 * layers, layers * keys
    else:  # to each attention over time and back [U]
        switches = 2 * sum(g != "space" for g in attentions) * (3 if s.remat == "full" else 2)
        yield "all-to-all", "context", "tokens", switches, switches * tokens


def _keys(job: Job) -> float:
    """Bytes of the keys and values of all tokens, of a device's heads, in one layer."""
    s = job.shape
    numbers = 2 * job.clips * (s.tokens + s.context) * s.width
    return numbers * ITEM[s.dtype] / job.mesh["tensor"]


def _modulation(s: ModelConfig, mesh: dict[str, int]) -> float:
    counts = count_params(s)
    return (counts["params"] - counts["params_no_adaln"]) / (mesh["fsdp"] * mesh["tensor"])


def _own(s: ModelConfig, mesh: dict[str, int], of=weights) -> float:
    """Weights on each device."""
    return _numbers(s, mesh["fsdp"], mesh["tensor"], of)


@functools.cache
def _numbers(s: ModelConfig, fsdp: int, tensor: int, of) -> float:
    return sum(w.size / w.parts({"fsdp": fsdp, "tensor": tensor}) for w in of(s))


def memory(job: Job) -> dict[str, float]:
    """Bytes on each device by what they are for, at the peak: where the backward pass begins."""
    s, mesh, item = job.shape, job.mesh, ITEM[job.shape.dtype]
    own = _own(s, mesh)
    layer = _own(s, mesh | {"fsdp": 1}, layer_weights)
    # A scan without recomputation keeps the weights that it cast for its products.
    cast = own * item if s.remat == "none" and s.dtype != "float32" else 0.0
    held = _split(job, kept(s, s.remat))
    return {
        "weights_ema_moments": STATE * own,
        "gradients": 4 * own,
        "batch": batch_bytes(job),
        "activations": held + (_split(job, working(s)) if s.remat != "none" else 0.0),
        "gathered_keys": _gathered_keys(job),
        # The layer at work, the next one on its way, and the gradient of the one before.
        "gathered_layers": cast + item * layer * (3 if mesh["fsdp"] > 1 else 2),
    }


def _gathered_keys(job: Job) -> float:
    """Of other devices' tokens: in every layer, or in the one at work where they are recomputed."""
    if job.shape.attention != "full":
        return 0.0
    layers = job.shape.depth if job.shape.remat == "none" else 1
    return layers * _keys(job) * (1 - 1 / job.mesh["context"])


def batch_bytes(job: Job) -> float:
    """Of a device's float32 latents and int32 captions."""
    words = job.shape.text_length * max(1, job.shape.text_features)
    return job.clips * 4 * (math.prod(job.shape.latent) + words)


def argument_bytes(job: Job) -> float:
    """What a step is handed on each device: state and batch."""
    return STATE * _own(job.shape, job.mesh) + batch_bytes(job)


def headroom(job: Job) -> float:
    """Bytes left on each device; below zero they are missing."""
    return USABLE * job.device.memory - sum(memory(job).values())


def _split(job: Job, clip: Kept) -> float:
    """A device's bytes: tokens over `context`, heads and hidden units over `tensor` too [A]."""
    tensor, context = job.mesh["tensor"], job.mesh["context"]
    return job.clips * (clip.whole + clip.split / tensor) / context


def work(job: Job) -> dict[str, float]:
    """Seconds that a device needs for its own share: products, the rest of a layer, the update."""
    s, neighbours = job.shape, job.mesh["tensor"] * job.mesh["context"]
    flops = (training_flops(s) + recomputed_flops(s)) * job.clips / neighbours
    moved = PASSES[s.remat] * _split(job, kept(s, "none"))
    return {
        "products": flops / (PRODUCTS * job.device.flops(s.dtype)),
        "memory_traffic": moved / job.device.bandwidth,
        "update": UPDATE * _own(s, job.mesh) / job.device.bandwidth,
    }


def step_seconds(job: Job) -> dict[str, float]:
    """Work, then what waits: traffic of tokens, and of weights what does not hide behind work."""
    own, moves = work(job), collectives(job)
    weights_s = sum(c.seconds for c in moves if c.what in ("weights", "gradients"))
    hidden = OVERLAP * min(weights_s, sum(own.values()))
    return own | {
        "tokens_between_devices": sum(c.seconds for c in moves) - weights_s,
        "weights_not_hidden": weights_s - hidden,
    }
