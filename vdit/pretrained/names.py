"""The weights of DiT and Latte under their PyTorch names, and where each lies in a VideoDiT."""

from typing import NamedTuple

import numpy as np

from vdit.sizes import Shape, stages

TOP = {
    "t_embedder.mlp.0": ("noise_level", "up"),
    "t_embedder.mlp.2": ("noise_level", "out"),
    "final_layer.adaLN_modulation.1": ("final_modulation",),
    "final_layer.linear": ("output",),
}
BLOCK = {
    "attn.qkv": ("attentions", 0, "qkv"),
    "attn.proj": ("attentions", 0, "out"),
    "mlp.fc1": ("mlp", "up"),
    "mlp.fc2": ("mlp", "down"),
    "adaLN_modulation.1": ("modulation",),
}


class Place(NamedTuple):
    """A path in the model's state, the layer of a stack (None: not stacked), how it is laid out."""

    path: tuple
    layer: int | None
    layout: str  # kernel | bias | conv | labels | table


def places(shape: Shape) -> dict[str, Place]:
    """PyTorch name to place, for every weight of a model of this shape; fixed tables have none."""
    found = _dense("x_embedder.proj", ("patches",), None, "conv")
    for name, path in TOP.items():
        found |= _dense(name, path, None)
    for i, (stack, layer) in enumerate(_layers(shape)):
        for name, path in BLOCK.items():
            found |= _dense(f"blocks.{i}.{name}", (*stack, *path), layer)
    if shape.condition == "label":
        table = Place(("caption", "table"), None, "labels")
        found["y_embedder.embedding_table.weight"] = table
    if shape.positions == "learned":
        found |= {name: Place(path, None, "table") for name, path in tables(shape).items()}
    return found


def tables(shape: Shape) -> dict[str, tuple]:
    """PyTorch names of the position tables, and their paths where they are learned."""
    paths = {"pos_embed": ("positions", "places"), "temp_embed": ("positions", "frames")}
    return paths if shape.grid[0] > 1 else {"pos_embed": paths["pos_embed"]}


def _layers(shape: Shape):
    """For each block in PyTorch's order: the path of its stack, and its layer there."""
    for s, (blocks, repeats) in enumerate(stages(shape)):
        for layer in range(repeats):
            for b in range(len(blocks)):
                yield ("stages", s, "blocks", b), layer


def _dense(name: str, path: tuple, layer: int | None, layout: str = "kernel") -> dict[str, Place]:
    return {
        f"{name}.weight": Place((*path, "kernel"), layer, layout),
        f"{name}.bias": Place((*path, "bias"), layer, "bias"),
    }


def to_house(array: np.ndarray, layout: str) -> np.ndarray:
    """PyTorch's layout to the house's: a kernel (out, in) becomes (in, out).

    A convolution (D, C, p, p) becomes a kernel (p p C, D); the null label, PyTorch's last, comes
    first; a table loses its axis of one.
    """
    if layout == "conv":
        return array.transpose(2, 3, 1, 0).reshape(-1, len(array))
    if layout == "labels":
        return np.roll(array, 1, axis=0)
    return {"kernel": array.T, "table": array[0]}.get(layout, array)


def to_pytorch(array: np.ndarray, layout: str, patch: int) -> np.ndarray:
    """The inverse of `to_house`."""
    if layout == "conv":
        return array.reshape(patch, patch, -1, array.shape[-1]).transpose(3, 2, 0, 1)
    if layout == "labels":
        return np.roll(array, -1, axis=0)
    return {"kernel": array.T, "table": array[None]}.get(layout, array)
