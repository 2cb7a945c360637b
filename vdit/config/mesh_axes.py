"""One table from the names of arrays' axes to the axes of a mesh of devices. No JAX here.

Axes of the mesh: `data` splits the batch; `fsdp` splits the batch and the weights; `tensor` splits
heads and hidden units; `context` splits the tokens of a clip.
"""

import math
from collections.abc import Mapping, Sequence

MESH_AXES = ("data", "fsdp", "tensor", "context")  # outermost first

Rule = str | tuple[str, ...] | None
RULES = {
    "batch": ("data", "fsdp"),
    "tokens": "context",
    "embed": "fsdp",
    "mlp": "tensor",
    "heads": "tensor",
    "layers": None,
    None: None,
}


def parts(rule: Rule, mesh: Mapping[str, int]) -> int:
    """Into how many parts a mesh, the sizes of its axes, splits what has this rule."""
    axes = (rule,) if isinstance(rule, str) else rule or ()
    return math.prod(mesh[axis] for axis in axes)


def rules(
    axes: Sequence[str | None], shape: Sequence[int], mesh: Mapping[str, int]
) -> tuple[Rule, ...]:
    """Of each axis of an array; one whose size does not divide is not split."""
    found = ((RULES[name], size) for name, size in zip(axes, shape, strict=True))
    return tuple(rule if size % parts(rule, mesh) == 0 else None for rule, size in found)
