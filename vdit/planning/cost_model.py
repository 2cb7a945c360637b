"""Memory and time of a training step on a mesh: formulas, not measurements. No JAX.

[S] How to Scale Your Model, jax-ml.github.io/scaling-book, chapters "GPUs" and "Training"
[Z] ZeRO, 1910.02054: weights, gradients and moments split over `fsdp` (stage 3)
[A] Reducing activation recomputation, 2205.05198: which activations `tensor` does not split
Not counted: the host, input, checkpoints, vectors of a clip, stragglers.
"""

import math

from vdit.config.activations import ITEM, largest_layer, moved, saved
from vdit.config.flops import recomputed_flops, training_flops
from vdit.config.part import ActivationBytes
from vdit.config.parts import Attention, Dense
from vdit.planning.assumptions import (
    ELEMENT_WISE,
    KEPT,
    OVERLAP,
    PRODUCTS,
    STATE,
    UPDATE,
    USABLE,
)
from vdit.planning.collectives import collectives, full_attentions, keys_bytes
from vdit.planning.job import Job
from vdit.planning.weights import layer_weights, weights_per_device


def memory(job: Job) -> dict[str, float]:
    """Bytes on each device by what they are for, at the peak: where the backward pass begins."""
    model, mesh, item = job.model, job.mesh, ITEM[job.model.dtype]
    own = weights_per_device(model, mesh)
    layer = weights_per_device(model, mesh | {"fsdp": 1}, layer_weights)
    # The weights of all layers, cast for their products before the scan.
    cast = own * item if model.dtype != "float32" else 0.0
    held = _split(job, saved(model, model.remat))
    return {
        "weights_ema_moments": STATE * own,
        "gradients": 4 * own,
        "batch": batch_bytes(job),
        "activations": held + (_split(job, largest_layer(model)) if model.remat != "none" else 0.0),
        "gathered_keys": _gathered_keys(job),
        # The layer at work, the next one on its way, and the gradient of the one before.
        "gathered_layers": cast + item * layer * (3 if mesh["fsdp"] > 1 else 2),
    }


def _gathered_keys(job: Job) -> float:
    """Of other devices' tokens: in every layer, or in the one at work where they are recomputed."""
    sizes = [(keys_bytes(job, part), n) for part, n in full_attentions(job.model)]
    held = sum(n * size for size, n in sizes)
    if job.model.remat != "none":
        held = max((size for size, _ in sizes), default=0.0)
    return held * (1 - 1 / job.mesh["context"])


def batch_bytes(job: Job) -> float:
    """Of a device's float32 latents, and captions: int32 tokens, or half precision embeddings."""
    caption = job.model.text_length * (2 * job.model.text_features or 4)
    return job.clips * (4 * math.prod(job.model.latent) + caption)


def argument_bytes(job: Job) -> float:
    """What a step is handed on each device: state and batch."""
    return STATE * weights_per_device(job.model, job.mesh) + batch_bytes(job)


def headroom(job: Job) -> float:
    """Bytes left on each device; below zero they are missing."""
    return USABLE * job.device.memory - sum(memory(job).values())


def _split(job: Job, clip: ActivationBytes) -> float:
    """A device's bytes: tokens over `context`, heads and hidden units over `tensor` too [A]."""
    tensor, context = job.mesh["tensor"], job.mesh["context"]
    return job.clips * (clip.unsplit + clip.split / tensor) / context


def traffic(job: Job) -> dict[str, float]:
    """Bytes that go through a device's memory in a step, by the kernels that move them."""
    model, mesh = job.model, job.mesh
    gathered = weights_per_device(model, mesh | {"fsdp": 1})
    forwards = 2 if model.remat == "full" else 1
    dense = _split(job, moved(model, Dense))
    return {
        # Both gradients of a product move what it did; that of weights comes in float32.
        "products": (2 + forwards) * dense + (3 * ITEM[model.dtype] + 4) * gathered,
        "attention": (2 + forwards) * _split(job, moved(model, Attention)),
        "element_wise": ELEMENT_WISE[model.remat] * dense,
        "kept": KEPT * _split(job, saved(model, model.remat)),
        "update": UPDATE * weights_per_device(model, mesh),
    }


def work(job: Job) -> dict[str, float]:
    """Seconds that a device needs for its own share: products, the rest of a layer, the update."""
    model, neighbours = job.model, job.mesh["tensor"] * job.mesh["context"]
    operations = (training_flops(model) + recomputed_flops(model)) * job.clips / neighbours
    parts = traffic(job)
    update = parts.pop("update") / job.device.bandwidth
    # Kernels of products and of attention wait for the slower of arithmetic and memory.
    computed = operations / (PRODUCTS * job.device.flops(model.dtype))
    loaded = (parts.pop("products") + parts.pop("attention")) / job.device.bandwidth
    rest = sum(parts.values()) / job.device.bandwidth
    return {"products": max(computed, loaded), "memory_traffic": rest, "update": update}


def step_seconds(job: Job) -> dict[str, float]:
    """Work, then what waits: traffic of tokens, and of weights what does not hide behind work."""
    own, moves = work(job), collectives(job)
    weights_s = sum(c.seconds for c in moves if c.what in ("weights", "gradients"))
    hidden = OVERLAP * min(weights_s, sum(own.values()))
    return own | {
        "tokens_between_devices": sum(c.seconds for c in moves) - weights_s,
        "weights_not_hidden": weights_s - hidden,
    }
