"""Every weight of a VideoDiT with the names of its axes: what a mesh splits. No JAX here."""

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

from vdit.config.model_config import ModelConfig, stages

# As in `vdit.parallel.sharding.RULES`, which imports JAX; a test compares them.
MESH_AXIS = {"embed": "fsdp", "mlp": "tensor", "heads": "tensor", None: None}


class Weight(NamedTuple):
    """`count` arrays of one shape; those of layers are stacked, which no axis of a mesh splits."""

    count: int
    shape: tuple[int, ...]
    names: tuple[str | None, ...]

    @property
    def size(self) -> int:
        """Numbers in all of them."""
        return self.count * math.prod(self.shape)

    def parts(self, mesh: dict[str, int]) -> int:
        """Into how many parts a mesh splits it; an axis whose size does not divide stays whole."""
        sizes = [mesh.get(MESH_AXIS[name], 1) for name in self.names]
        return math.prod(m for n, m in zip(self.shape, sizes, strict=True) if n % m == 0)


def weights(model: ModelConfig) -> list[Weight]:
    """All weights of a transformer."""
    blocks = [(len(block), n) for layer, n in stages(model) for block in layer]
    return [w for block in blocks for w in _block(model, *block)] + _ends(model)


def layer_weights(model: ModelConfig) -> list[Weight]:
    """Those of the largest layer alone: what is gathered at a time."""
    layers = [[w for block in x for w in _block(model, len(block), 1)] for x, _ in stages(model)]
    return max(layers, key=lambda ws: sum(w.size for w in ws))


def weights_per_device(
    model: ModelConfig,
    mesh: dict[str, int],
    of: Callable[[ModelConfig], list[Weight]] = weights,
) -> float:
    """Numbers that each device of a mesh holds."""
    return _per_device(model, mesh["fsdp"], mesh["tensor"], of)


@functools.cache
def _per_device(
    model: ModelConfig, fsdp: int, tensor: int, of: Callable[[ModelConfig], list[Weight]]
) -> float:
    return sum(w.size / w.parts({"fsdp": fsdp, "tensor": tensor}) for w in of(model))


def _dense(n: int, d_in: int, d_out: int, names: tuple[str | None, str | None]) -> list[Weight]:
    return [Weight(n, (d_in, d_out), names), Weight(n, (d_out,), names[1:])]


def _block(model: ModelConfig, attentions: int, n: int) -> list[Weight]:
    d, hidden, times = model.width, int(model.width * model.mlp_ratio), n * attentions
    norms = 2 * model.qk_norm * (times + n * model.crosses)
    cross = [*_dense(n, d, d, ("embed", "heads")), *_dense(n, d, 2 * d, ("embed", "heads"))]
    return [
        *_dense(n, d, 3 * (attentions + 1) * d, ("embed", "mlp")),
        *_dense(times, d, 3 * d, ("embed", "heads")),
        *_dense(times, d, d, ("heads", "embed")),
        *(cross + _dense(n, d, d, ("heads", "embed")) if model.crosses else []),
        *_dense(n, d, hidden, ("embed", "mlp")),
        *_dense(n, hidden, d, ("mlp", "embed")),
        *([Weight(norms, (d // model.heads,), (None,))] if norms else []),
    ]


def _ends(model: ModelConfig) -> list[Weight]:
    d = model.width
    return [
        *_dense(1, model.patch_numbers, d, (None, "embed")),
        *_dense(1, model.frequencies, d, (None, "embed")),
        *_dense(1, d, d, ("embed", "mlp")),
        *_dense(1, d, 2 * d, ("embed", "mlp")),
        *_dense(1, d, model.output_numbers, ("embed", None)),
        *_caption(model),
        *_positions(model),
    ]


def _caption(model: ModelConfig) -> list[Weight]:
    d, names = model.width, (None, "embed")
    if model.condition == "none":
        return []
    words = Weight(1, (model.vocabulary, d), names)
    if model.condition == "label":
        return [words]
    given = [*_dense(1, model.text_features, d, names), Weight(1, (1, d), names)]
    positions = Weight(1, (model.text_length, d), names)
    table = given if model.text_features else [words]
    return [*table, positions, *_dense(1, d, d, ("embed", "mlp"))]


def _positions(model: ModelConfig) -> list[Weight]:
    frames, patches = model.grid[0], model.grid[1] * model.grid[2]
    counts = [patches, *([frames] if frames > 1 else [])] if model.positions == "learned" else []
    return [Weight(1, (n, model.width), (None, "embed")) for n in counts]
