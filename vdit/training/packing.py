"""Packing: runs of one shape trained together in one program (`vdit.training.stack`).

For models so small that a device waits for its programs rather than for arithmetic. The slots of a
pack share what is compiled (loss, weights' shapes, optimiser, batch, mesh); each member has its own
weights, seed, data, schedule, average and length, and a folder as an unpacked run has it.
"""

import contextlib
import pathlib
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from vdit.config import mixture
from vdit.errors import DivergedError, InputError
from vdit.parallel import cores, sharding
from vdit.parallel.compute_dtype import decided
from vdit.runs import folder, signals
from vdit.runs.goodput import GOODPUT, listen
from vdit.training import loop
from vdit.training.clock import Clock
from vdit.training.member import Member
from vdit.training.metrics import open_log
from vdit.training.optimizer import OptimizerConfig
from vdit.training.run import measure, open_run
from vdit.training.stack import Stack
from vdit.training.step import TrainState


class Outcome(NamedTuple):
    """How a pack ended: the row of each member, or what it failed of; steps of idle slots."""

    ends: list[dict | DivergedError]
    idle_steps: int


class Stage(NamedTuple):
    """A stretch of a pack's steps with the same slots, by their places in the pack."""

    begin: int
    end: int
    slots: tuple[int, ...]


def stages(lengths: Sequence[int]) -> list[Stage]:
    """How a pack of runs of these lengths (steps) shrinks.

    A slot whose run has ended stays, idle, until half of the slots are; then the living go on in
    a smaller program. It follows from the lengths alone: a pack that is resumed, or in which a run
    diverged, trains each step in as many slots as an unbroken one, which keeps the bits.
    """
    out, begin, slots = [], 0, tuple(range(len(lengths)))
    for end in sorted(set(lengths)):
        living = tuple(i for i in slots if lengths[i] > end)
        if 2 * len(living) <= len(slots):
            out.append(Stage(begin, end, slots))
            begin, slots = end, living
    return out


def run(runs: Sequence[tuple[Any, str]], pack: Sequence[tuple[str, int]] | None = None) -> Outcome:
    """Trains and measures unfinished runs, pairs of (resolved config, workdir), as `run` does.

    `pack` names all slots, pairs of (name of the run, steps): a resumed pack has those it began
    with, whoever of them is left. Raises `InputError` for runs that do not fit together. A
    run that diverges ends alone.
    """
    listen()
    pairs = [(decided(config), pathlib.Path(workdir)) for config, workdir in runs]
    own = [(folder.attempt_of(workdir.name)[0], config.steps) for config, workdir in pairs]
    pack = [tuple(slot) for slot in pack or own]
    mesh, members = _one_device(pairs[0][0]), []
    with jax.set_mesh(mesh), signals.Deferral() as deferral, contextlib.ExitStack() as files:
        for config, workdir in pairs:
            task = open_run(config, workdir, "packed", pack)
            log = files.enter_context(open_log(config, workdir))
            opened = mesh, files, deferral
            members.append(Member(task, config, workdir, log, *opened, place=False))
        _check_alike(members)
        with GOODPUT.to("training"):
            at = {pack.index(slot): member for slot, member in zip(own, members, strict=True)}
            return _train(at, [steps for _, steps in pack], mesh)


def _one_device(config: Any) -> jax.sharding.Mesh:
    devices = cores.devices(config.mesh, config.batch, flops=0)
    mesh = sharding.make_mesh(config.mesh, config.batch, devices)
    if mesh.size > 1:
        raise InputError(f"packing: a pack trains on one device; its mesh has {mesh.size}")
    return mesh


def _check_alike(members: Sequence[Member]) -> None:
    first = _program(members[0])
    for member in members[1:]:
        for name, value in _program(member).items():
            if value != first[name]:
                raise InputError(
                    f"packing: {member.workdir.name} and {members[0].workdir.name} differ in "
                    f"{name}; runs of a pack differ in seed, data, rates and steps only"
                )


def _program(member: Member) -> dict[str, Any]:
    """All that the compiled step depends on."""
    task, config, rows = member.task, member.config, member.task.records.rows(np.arange(1))
    return {
        "loss": task.loss,
        "weights": task.init,
        "optimizer": OptimizerConfig.of(config),
        "batch": config.batch,
        "mesh": config.mesh.to_dict(),
        "data": {name: (x.shape, x.dtype) for name, x in rows.items()},
        "shapes": mixture.shares(config),
    }


def _train(at: dict[int, Member], lengths: list[int], mesh: jax.sharding.Mesh) -> Outcome:
    """Trains members, by their places in a pack of so many steps each; measures each at its end."""
    members, idle, rows, clock = list(at.values()), 0, {}, Clock()
    started = time.time()

    def ended(member: Member, state: TrainState) -> None:
        columns = member.timing() | {"mode": "packed", "pack": len(lengths), "started": started}
        columns["whole_s"] = columns.get("wall_s", 0.0)
        task, config, state = member.task, member.config, state._replace(optimizer=None)
        with clock.paused(), GOODPUT.to("measuring"):
            measure(task, config, state, columns, member.workdir, member.log)
        rows[member] = folder.read_result(member.workdir)

    for member in members:
        if member.has_ended:  # killed between its last step and its result
            ended(member, member.state)
    first = min(member.step for member in members)
    for stage in stages(lengths):
        here = [at.get(i) for i in stage.slots]
        if stage.end > first and any(here):
            clock = Clock()
            stack = Stack(here, range(max(stage.begin, first), stage.end), mesh, ended)
            loop.advance(stack, clock)
            stack.give_back()
            idle += stack.idle_steps
    return Outcome([member.diverged or rows[member] for member in members], idle)
