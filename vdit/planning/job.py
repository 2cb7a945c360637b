"""A training step to be planned: a model, a batch, a mesh, a device. No JAX here."""

import dataclasses
import functools
import math

from vdit.config.devices import MESH_AXES, Device
from vdit.config.model_config import FAMILIES, ModelConfig, family_of
from vdit.config.network import network
from vdit.config.parts import WORDS, Attention
from vdit.errors import InputError


@dataclasses.dataclass(frozen=True)
class Job:
    """One step of `model` (its dtype and remat with it) on a batch of clips over a mesh."""

    model: ModelConfig
    batch: int
    mesh: dict[str, int]
    device: Device | None  # None: no matter which, where only memory and shardings are asked for

    @property
    def devices(self) -> int:
        """Devices of the mesh."""
        return math.prod(self.mesh.values())

    @property
    def clips(self) -> float:
        """Clips that a device works on, alone or with its tensor and context neighbours."""
        return self.batch / (self.mesh["data"] * self.mesh["fsdp"])

    def named(self) -> dict[str, str | int]:
        """What the job is, but for its model."""
        return {
            "device": self.device.name,
            "devices": self.devices,
            "batch": self.batch,
            "mesh": named(self.mesh),
            "remat": self.model.remat,
        }

    def stride(self, axis: str) -> int:
        """How far apart neighbours along an axis are, as `jax.make_mesh` counts devices."""
        return math.prod(self.mesh[a] for a in MESH_AXES[MESH_AXES.index(axis) + 1 :])


@functools.cache
def divisors(n: int) -> list[int]:
    """From 1 to n itself."""
    return [i for i in range(1, n + 1) if n % i == 0]


def mesh_of(text: str) -> dict[str, int]:
    """The size of every axis, from words such as "data=64,fsdp=8"."""
    mesh = dict.fromkeys(MESH_AXES, 1)
    for word in text.split(","):
        axis, _, size = word.strip().partition("=")
        if axis not in mesh or not size.isdecimal() or int(size) < 1:
            raise InputError(
                f"--mesh {word}: expected AXIS=N, the axes being {', '.join(MESH_AXES)}"
            )
        mesh[axis] = int(size)
    return mesh


def named(mesh: dict[str, int]) -> str:
    """The axes of a mesh that split something; "data=1" for one device."""
    return ",".join(f"{a}={n}" for a, n in mesh.items() if n > 1) or "data=1"


def checked(job: Job) -> Job:
    """The job itself, or an `InputError` that names what does not divide."""
    mesh, model = job.mesh, job.model
    if not (splits := family_of(model).splits):
        known = ", ".join(name for name, family in FAMILIES.items() if family.splits)
        raise InputError(f"--attention {model.attention}: expected one of {known}")
    if not family_of(model).is_planned_on(mesh):
        raise InputError(
            f"--attention {model.attention} on {named(mesh)}: expected {' and '.join(splits)} alone"
        )
    if job.batch % (mesh["data"] * mesh["fsdp"]):
        raise InputError(f"--batch {job.batch} does not divide over data x fsdp of {named(mesh)}")
    if model.heads % mesh["tensor"]:
        raise InputError(f"tensor={mesh['tensor']} does not divide the {model.heads} heads")
    if any(n % mesh["context"] for n in _along_context(model)):
        what = " and ".join(map(str, _along_context(model)))
        raise InputError(
            f"context={mesh['context']} does not divide {what} (tokens that it splits)"
        )
    return job


def _along_context(model: ModelConfig) -> tuple[int, ...]:
    """What context splits: the tokens of full attention; of any other frames, then patches."""
    parts = (part for part, _ in network(model).parts_of_layers())
    axes = {part.axis for part in parts if isinstance(part, Attention)} - {WORDS}
    whole = (model.tokens + model.context,) if "full" in axes else ()
    in_turn = (model.grid[0], model.grid[1] * model.grid[2]) if axes - {"full"} else ()
    return whole + in_turn
