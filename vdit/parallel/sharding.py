"""Where arrays live: on a mesh of devices, by the names of their axes (`vdit.config.devices`)."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from flax import nnx
from jax.flatten_util import ravel_pytree
from jax.sharding import AbstractMesh, AxisType, Mesh, NamedSharding, PartitionSpec

from vdit.config.devices import MESH_AXES, RULES, mesh_rules, split_ways
from vdit.errors import InputError

UNCONSTRAINED = PartitionSpec.UNCONSTRAINED

Names = Sequence[str | None]  # of an array's axes, by the table
AnyMesh = Mesh | AbstractMesh


def make_mesh(
    sizes: Mapping[str, int],
    batch: int | None = None,
    devices: Sequence[jax.Device] | None = None,
    accumulate: int = 1,
) -> Mesh:
    """A mesh over the devices (by default all); a size of -1 takes those that are left.

    Errors: `InputError` if the sizes do not multiply to the number of devices, or a batch, or one
    of the `accumulate` parts of it, does not divide over `data` and `fsdp`.
    """
    devices = devices or jax.devices()
    shape = [sizes.get(axis, 1) for axis in MESH_AXES]
    if shape.count(-1) == 1:
        known = -int(np.prod(shape))
        shape[shape.index(-1)] = max(1, len(devices) // max(1, known))
    named = ", ".join(f"{a}={n}" for a, n in zip(MESH_AXES, shape, strict=True))
    if min(shape) < 1:
        raise InputError(f"mesh {named}: expected sizes of 1 or more, at most one of them -1")
    if int(np.prod(shape)) != len(devices):
        raise InputError(f"mesh {named} takes {int(np.prod(shape))} devices, {len(devices)} exist")
    if batch is not None:
        _check_batch(batch, accumulate, shape[0] * shape[1], named)
    return jax.make_mesh(tuple(shape), MESH_AXES, axis_types=(AxisType.Auto,) * 4, devices=devices)


def _check_batch(batch: int, accumulate: int, rows: int, named: str) -> None:
    if batch % rows:
        raise InputError(f"batch {batch} does not divide over data x fsdp of mesh {named}")
    if accumulate < 1 or batch % (accumulate * rows):
        raise InputError(
            f"accumulate={accumulate} does not divide the {batch // rows} clips that each part of "
            f"batch {batch} has on mesh {named}"
        )


def _spec(names: Names, shape: tuple[int, ...], mesh: AnyMesh) -> PartitionSpec:
    return PartitionSpec(*mesh_rules(names, shape, mesh.shape))


def constrain(x: jax.Array, *names: str | None) -> jax.Array:
    """Pins an activation's axes to the mesh; does nothing where none is set, or on a shard.

    Fewer names than axes are those of the last ones; the others stay as the compiler has them.
    """
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty or mesh.size == 1 or mesh.manual_axes:
        return x
    free = x.ndim - len(names)
    spec = _spec(names, x.shape[free:], mesh)
    return jax.lax.with_sharding_constraint(x, PartitionSpec(*free * [UNCONSTRAINED], *spec))


def platform() -> str:
    """Of the devices that a program is traced for: cpu, gpu or tpu.

    Those of the mesh that is set, which may be elsewhere (a program is compiled for them and never
    run), else those of this process.
    """
    device = jax.sharding.get_abstract_mesh().abstract_device
    return device.platform if device else jax.default_backend()


def replicate(x: jax.Array) -> jax.Array:
    """Batch first, and all else on every device that has the clip: what conditions its tokens."""
    return constrain(x, "batch", *[None] * (x.ndim - 1))


def constrain_output(y: jax.Array, name: str | None) -> jax.Array:
    """The last axis of a product: split where `tensor` splits its columns, else replicated.

    `embed` is how weights lie, no way for activations to: without this they would take it up.
    """
    return constrain(y, None if name == "embed" else name)


def parts(name: str) -> int:
    """Into how many parts the mesh that is set splits what is named so; 1 on a shard of it."""
    mesh = jax.sharding.get_abstract_mesh()
    return 1 if mesh.empty or mesh.manual_axes else split_ways(RULES[name], mesh.shape)


def on_shards(
    f: Callable[..., jax.Array], names: Sequence[Names], *arrays: jax.Array | None
) -> jax.Array:
    """f(*arrays), each device on its own shards of them, where the tokens of a clip are split.

    `names` are those of each array's axes; the result has the first one's. There a compiler need
    not know how to split f, which may merge axes that are both split, or call a kernel; f moves
    nothing between devices, and arrays must lie as they are named (`constrain`), or are moved.
    """
    if parts("tokens") == 1:
        return f(*arrays)
    mesh = jax.sharding.get_abstract_mesh()
    specs = tuple(_spec(n, x.shape, mesh) for n, x in zip(names, arrays, strict=True))
    return jax.shard_map(f, in_specs=specs, out_specs=specs[0])(*arrays)


def mean_of_shards(f: Callable[[Any, Any], Any], weights: Any, rows: Any) -> Any:
    """f(weights, rows), a mean over rows, each device on its own rows; exchanged once, at the end.

    Of a mesh that splits the batch alone: every device has all weights.
    """

    def mean(weights, rows):
        flat, unravel = ravel_pytree(f(weights, rows))
        return unravel(jax.lax.pmean(flat, RULES["batch"]))

    specs = PartitionSpec(), PartitionSpec(RULES["batch"])
    return jax.shard_map(mean, in_specs=specs, out_specs=specs[0], check_vma=False)(weights, rows)


def tree_sharding(tree: Any, mesh: Mesh) -> Any:
    """A `NamedSharding` for every leaf: by the names a layer gave its axes, else replicated.

    Gradients' moments and the moving average of the weights carry the weights' own names.
    """

    def one(leaf):
        if not isinstance(leaf, nnx.Variable):
            return replicated(mesh)
        value = leaf.get_value()
        if not hasattr(value, "shape"):  # what an optimiser leaves out of its state
            return leaf
        names = leaf.get_metadata().get("out_sharding") or (None,) * value.ndim
        return leaf.replace(NamedSharding(mesh, _spec(names, value.shape, mesh)))

    return jax.tree.map(one, tree, is_leaf=lambda x: isinstance(x, nnx.Variable))


def local_mesh() -> contextlib.AbstractContextManager:
    """Within, programs of one of several processes run on its first device alone.

    On a mesh over the devices of others they would wait for these.
    """
    if jax.process_count() == 1:
        return contextlib.nullcontext()
    return jax.set_mesh(make_mesh({}, devices=jax.local_devices()[:1]))


def batch_sharding(mesh: Mesh) -> NamedSharding:
    """Examples are split over `data` and `fsdp`."""
    return NamedSharding(mesh, PartitionSpec(RULES["batch"]))


def replicated(mesh: Mesh) -> NamedSharding:
    """The same array on every device."""
    return NamedSharding(mesh, PartitionSpec())
