"""Every weight of a VideoDiT with the names of its axes: what a mesh splits. No JAX here."""

import math
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


def weights(s: ModelConfig) -> list[Weight]:
    """All weights of a transformer."""
    layers = [w for layer, n in stages(s) for block in layer for w in _block(s, len(block), n)]
    return layers + _ends(s)


def layer_weights(s: ModelConfig) -> list[Weight]:
    """Those of the largest layer alone: what is gathered at a time."""
    layers = [[w for block in x for w in _block(s, len(block), 1)] for x, _ in stages(s)]
    return max(layers, key=lambda ws: sum(w.size for w in ws))


def _dense(n: int, d_in: int, d_out: int, names: tuple[str | None, str | None]) -> list[Weight]:
    return [Weight(n, (d_in, d_out), names), Weight(n, (d_out,), names[1:])]


def _block(s: ModelConfig, attentions: int, n: int) -> list[Weight]:
    d, hidden, times = s.width, int(s.width * s.mlp_ratio), n * attentions
    norms = 2 * s.qk_norm * (times + n * s.crosses)
    cross = [*_dense(n, d, d, ("embed", "heads")), *_dense(n, d, 2 * d, ("embed", "heads"))]
    return [
        *_dense(n, d, 3 * (attentions + 1) * d, ("embed", "mlp")),
        *_dense(times, d, 3 * d, ("embed", "heads")),
        *_dense(times, d, d, ("heads", "embed")),
        *(cross + _dense(n, d, d, ("heads", "embed")) if s.crosses else []),
        *_dense(n, d, hidden, ("embed", "mlp")),
        *_dense(n, hidden, d, ("mlp", "embed")),
        *([Weight(norms, (d // s.heads,), (None,))] if norms else []),
    ]


def _ends(s: ModelConfig) -> list[Weight]:
    d = s.width
    return [
        *_dense(1, s.patch_numbers, d, (None, "embed")),
        *_dense(1, s.frequencies, d, (None, "embed")),
        *_dense(1, d, d, ("embed", "mlp")),
        *_dense(1, d, 2 * d, ("embed", "mlp")),
        *_dense(1, d, s.output_numbers, ("embed", None)),
        *_caption(s),
        *_positions(s),
    ]


def _caption(s: ModelConfig) -> list[Weight]:
    d, table = s.width, (None, "embed")
    if s.condition == "none":
        return []
    words = Weight(1, (s.vocabulary, d), table)
    if s.condition == "label":
        return [words]
    given = [*_dense(1, s.text_features, d, table), Weight(1, (1, d), table)]
    places = Weight(1, (s.text_length, d), table)
    return [*(given if s.text_features else [words]), places, *_dense(1, d, d, ("embed", "mlp"))]


def _positions(s: ModelConfig) -> list[Weight]:
    frames, places = s.grid[0], s.grid[1] * s.grid[2]
    counts = [places, *([frames] if frames > 1 else [])] if s.positions == "learned" else []
    return [Weight(1, (n, s.width), (None, "embed")) for n in counts]
